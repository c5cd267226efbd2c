-- queue/draw: give one batch of the lobby the numbers that the lot gave their indexes.
-- KEYS    gate lobby queue
-- ARGV    start number...
-- REPLY   drawn next | moved next | ready
-- ATOMIC  a batch is numbered once; any process may offer it again.
-- COST    O(batch log n)

-- check
local g = redis.call('HMGET', gate, 'drawn', 'draw_next', 'lobby_n')
if g[1] == '1' then return { 'ready' } end
local at, size = tonumber(g[2] or 0), tonumber(g[3] or 0)
local first, count = tonumber(start), #ARGV - number_at + 1
if first ~= at or not g[3] then return { 'moved', at } end

-- write
local last = first + count - 1
local batch = redis.call('ZRANGEBYSCORE', lobby, first, last, 'WITHSCORES')
local scored = {}
for i = 1, #batch, 2 do
  scored[#scored + 1] = ARGV[number_at + tonumber(batch[i + 1]) - first]
  scored[#scored + 1] = batch[i]
end
if #scored > 0 then
  redis.call('ZADD', queue, unpack(scored))
  redis.call('ZREMRANGEBYSCORE', lobby, first, last)
end
redis.call('HSET', gate, 'draw_next', last + 1)
if last + 1 >= size then
  redis.call('HSET', gate, 'drawn', 1)
  return { 'ready' }
end
return { 'drawn', last + 1 }
