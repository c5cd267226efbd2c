-- queue/curve: all that one process needs to tell every fan where they stand.
-- KEYS    gate lobby queue admission
-- ARGV    -
-- REPLY   curve now_ms state mode gate_state rate capacity seats free held claimed sold waiting
--         in_lobby shopping joined called admitted lapsed ended left next lobby_next lobby_n
--         drawn draw_next opens_ms notice shopping_max over_capacity over_rate version claim_s
--         listed points[]
--         | lost
-- ATOMIC  reads only.
-- COST    O(p log n), p about 20 log2(waiting): flat in the number of fans who ask
-- USES    now sale

local names = { 'state', 'mode', 'gate_state', 'rate', 'capacity', 'seats', 'free', 'held',
  'claimed', 'sold', 'joined', 'called', 'admitted', 'lapsed', 'ended', 'left', 'next',
  'lobby_next', 'lobby_n', 'drawn', 'draw_next', 'opens_ms', 'notice', 'shopping_max',
  'over_capacity', 'over_rate', 'version', 'claim_s', 'listed' }
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
local state = sale_state(g.state, g.free, g.held, g.claimed, g.listed)
return { 'curve', now_ms, state, g.mode, g.gate_state,
  n('rate'), n('capacity'), n('seats'), n('free'), n('held'), n('claimed'), n('sold'), waiting,
  redis.call('ZCARD', lobby), redis.call('ZCARD', admission), n('joined'), n('called'),
  n('admitted'), n('lapsed'), n('ended'), n('left'), n('next'), n('lobby_next'), n('lobby_n'),
  n('drawn'), n('draw_next'), n('opens_ms'), g.notice or '', n('shopping_max'),
  n('over_capacity'), n('over_rate'), n('version'), n('claim_s'), g.listed or '', points }
