-- feed/snapshot: every seat's state, and the feed id it is the state at.
-- KEYS    gate seat feed
-- ARGV    -
-- REPLY   snapshot feed_id states | lost
-- ATOMIC  reads only; snapshot plus later changes is any later snapshot.
-- COST    O(seats) bytes copied

if not redis.call('HGET', gate, 'built') then return { 'lost' } end
local last = redis.call('XREVRANGE', feed, '+', '-', 'COUNT', 1)
return { 'snapshot', last[1] and last[1][1] or '0-0', redis.call('GET', seat) }
