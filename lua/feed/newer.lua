-- feed/newer: every seat's state, where anything has changed since the feed stood at `known`.
-- KEYS    gate seat feed
-- ARGV    known
-- REPLY   snapshot feed_id states | same | lost
-- ATOMIC  reads only; every change of a seat stands on the feed, so the same id is the same states.
-- COST    O(1) where nothing has changed, else O(seats) bytes copied

if not redis.call('HGET', gate, 'built') then return { 'lost' } end
local last = redis.call('XREVRANGE', feed, '+', '-', 'COUNT', 1)
if last[1] and last[1][1] == known then return { 'same' } end
return { 'snapshot', last[1] and last[1][1] or '0-0', redis.call('GET', seat) }
