-- queue/leave: give a place up; its slot is free at once.
-- KEYS    gate lobby queue place admission signal
-- ARGV    place_id
-- REPLY   left | shut state
-- ATOMIC  leaving twice is leaving once.
-- COST    O(log n)
-- USES    place

-- check
if not redis.call('HGET', gate, 'state') then return { 'shut', 'lost' } end
local record = redis.call('HGET', place, place_id)
local number = redis.call('ZSCORE', queue, place_id)
local index = redis.call('ZSCORE', lobby, place_id)
if not record and not number and not index then return { 'left' } end
local standing, at
if record then standing, at = read_place(record) end
if standing == 'g' then return { 'left' } end

-- write
redis.call('ZREM', queue, place_id)
redis.call('ZREM', lobby, place_id)
redis.call('ZREM', admission, place_id)
redis.call('HSET', place, place_id, place_record('g', at or tonumber(number or 0), 0))
redis.call('HINCRBY', gate, 'left', 1)
redis.call('XADD', signal, 'MAXLEN', '~', 20000, '*', 'place', place_id)
return { 'left' }
