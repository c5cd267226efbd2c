-- queue/curve: all that one process needs to tell every fan where they stand.
-- KEYS    gate lobby queue admission ledger strain
-- ARGV    -
-- REPLY   curve now_ms state mode gate_state rate capacity seats free held claimed sold waiting
--         in_lobby shopping joined called admitted lapsed ended left next lobby_next lobby_n
--         drawn draw_next opens_ms notice shopping_max over_capacity over_rate version claim_s
--         listed throttle floor_pct rate_now pace pace_ms pace_why slow_ms ledger_n lag_ms delay_ms
--         points[]
--         | lost
-- ATOMIC  reads only.
-- COST    O(p log n + processes), p about 20 log2(waiting): flat in the number of fans who ask
-- USES    now sale pace strain

local names = { 'state', 'mode', 'gate_state', 'rate', 'capacity', 'seats', 'free', 'held',
  'claimed', 'sold', 'joined', 'called', 'admitted', 'lapsed', 'ended', 'left', 'next',
  'lobby_next', 'lobby_n', 'drawn', 'draw_next', 'opens_ms', 'notice', 'shopping_max',
  'over_capacity', 'over_rate', 'version', 'claim_s', 'listed', 'throttle', 'floor_pct', 'pace',
  'pace_ms', 'pace_why', 'slow_ms' }
local values = redis.call('HMGET', gate, unpack(names))
if not values[1] then return { 'lost' } end
local g = {}
for i, name in ipairs(names) do g[name] = values[i] end
local function n(name) return tonumber(g[name] or 0) end
local waiting = redis.call('ZCARD', queue)
-- Pairs (number, ahead) at growing ranks: every place near the front, then 4 % apart, so that an
-- interpolated position is exact where a fan watches it and within 4 % where nobody can tell.
local points, rank = {}, 0
while rank < waiting do
  local at = redis.call('ZRANGE', queue, rank, rank, 'WITHSCORES')
  points[#points + 1] = { tonumber(at[2]), rank }
  if rank == waiting - 1 then break end
  rank = math.min(waiting - 1, rank + math.max(1, math.floor(rank / 25)))
end
-- How far commits are behind: the age of the fourth entry, for up to three that fail by themselves
-- may stand at the front a while and are no lag.
local fourth, lag_ms = redis.call('XRANGE', ledger, '-', '+', 'COUNT', 4)[4], 0
if fourth then lag_ms = math.max(0, now_ms - string.match(fourth[1], '^%d+')) end
local reports, delay_ms = redis.call('HVALS', strain), -1
for _, record in ipairs(reports) do
  local till, delay = read_strain(record)
  if till > now_ms then delay_ms = math.max(delay_ms, delay) end
end
local state = sale_state(g.state, g.free, g.held, g.claimed, g.listed)
return { 'curve', now_ms, state, g.mode, g.gate_state,
  n('rate'), n('capacity'), n('seats'), n('free'), n('held'), n('claimed'), n('sold'), waiting,
  redis.call('ZCARD', lobby), redis.call('ZCARD', admission), n('joined'), n('called'),
  n('admitted'), n('lapsed'), n('ended'), n('left'), n('next'), n('lobby_next'), n('lobby_n'),
  n('drawn'), n('draw_next'), n('opens_ms'), g.notice or '', n('shopping_max'),
  n('over_capacity'), n('over_rate'), n('version'), n('claim_s'), g.listed or '',
  g.throttle or 'off', n('floor_pct'), rate_now(g.rate, g.throttle, g.floor_pct, g.pace),
  tonumber(g.pace or 1000), n('pace_ms'), g.pace_why or '', n('slow_ms'),
  redis.call('XLEN', ledger), lag_ms, delay_ms, points }
