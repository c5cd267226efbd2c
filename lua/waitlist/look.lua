-- waitlist/look: what the waiting list needs to know of its sale.
-- KEYS    gate
-- ARGV    -
-- REPLY   look now_ms state free held listed seq | lost
-- ATOMIC  reads only. `seq` grows with every seat that comes back and with everybody who joins.
-- COST    O(1)
-- USES    now

local g = redis.call('HMGET', gate, 'state', 'free', 'held', 'listed', 'list_seq')
if not g[1] then return { 'lost' } end
return { 'look', now_ms, g[1], tonumber(g[2] or 0), tonumber(g[3] or 0), g[4] or '',
  tonumber(g[5] or 0) }
