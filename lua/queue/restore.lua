-- queue/restore: put back a place that Redis has lost, where its signed token says it stood.
-- KEYS    gate lobby queue place
-- ARGV    place_id index number
-- REPLY   restored | known | shut state
-- ATOMIC  a place known to Redis in any state is left alone.
-- COST    O(log n)

-- check
local state = redis.call('HGET', gate, 'state')
if not state then return { 'shut', 'lost' } end
if redis.call('HEXISTS', place, place_id) == 1
  or redis.call('ZSCORE', queue, place_id)
  or redis.call('ZSCORE', lobby, place_id) then
  return { 'known' }
end
if state == 'draft' or state == 'closed' then return { 'shut', state } end
-- Once the lobby has closed nobody draws what is put into it: the caller must know the number.
if tonumber(number) < 0 and redis.call('HEXISTS', gate, 'drawn') == 1 then return { 'known' } end

-- write
local at, field, set
if tonumber(number) >= 0 then
  at, field, set = tonumber(number), 'next', queue
else
  at, field, set = tonumber(index), 'lobby_next', lobby
end
redis.call('ZADD', set, at, place_id)
if tonumber(redis.call('HGET', gate, field) or 0) <= at then
  redis.call('HSET', gate, field, string.format('%.0f', at + 1))
end
redis.call('HINCRBY', gate, 'restored', 1)
return { 'restored' }
