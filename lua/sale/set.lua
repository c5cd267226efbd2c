-- sale/set: bring the sale's settings from PostgreSQL into the gate, never an older version.
-- KEYS    gate lobby feed
-- ARGV    version number_floor lobby_size setting...
-- REPLY   set lobby_n | older version | unbuilt
-- ATOMIC  the whole version, or nothing; opening fixes the lobby's size in the same breath.
-- COST    O(settings)

-- check
local g = redis.call('HMGET', gate, 'version', 'state', 'lobby_next', 'next', 'drawn', 'built')
if g[6] ~= '1' then return { 'unbuilt' } end
if tonumber(g[1] or 0) > tonumber(version) then return { 'older', tonumber(g[1]) } end
local fields = {}
for i = setting_at, #ARGV, 2 do fields[ARGV[i]] = ARGV[i + 1] end

-- write
redis.call('HSET', gate, 'version', version, unpack(ARGV, setting_at))
local next_number = math.max(tonumber(g[4] or 0), tonumber(number_floor))
-- The floor is above any number or index that may have been given before Redis was lost.
if fields.state == 'lobby' and tonumber(g[3] or 0) < tonumber(number_floor) then
  redis.call('HSET', gate, 'lobby_next', number_floor)
end
local started = fields.state ~= 'draft' and fields.state ~= 'lobby'
if started and not g[5] then
  -- A lobby that PostgreSQL has counted before (Redis was lost since) keeps its size, so that
  -- every index still maps to the number it was drawn. What was lost comes back by token.
  local size = tonumber(lobby_size) >= 0 and tonumber(lobby_size) or tonumber(g[3] or 0)
  local empty = redis.call('ZCARD', lobby) == 0
  redis.call('HSET', gate, 'lobby_n', size, 'draw_next', 0, 'drawn', empty and 1 or 0)
  next_number = math.max(next_number, size)
end
redis.call('HSET', gate, 'next', next_number)
if fields.state ~= g[2] then
  redis.call('XADD', feed, 'MAXLEN', '~', 20000, '*', 'state', fields.state)
end
return { 'set', tonumber(redis.call('HGET', gate, 'lobby_n') or -1) }
