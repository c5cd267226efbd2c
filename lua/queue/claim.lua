-- queue/claim: a called fan comes in; the admission starts now.
-- KEYS    gate queue place admission signal
-- ARGV    place_id
-- REPLY   admitted number due_ms left_ms | waiting number | lapsed number | left number
--         | unknown | shut state
-- ATOMIC  a call is answered once; asking again gives the same admission.
-- COST    O(log n)
-- USES    now sale place

-- check
local g = redis.call('HMGET', gate, 'state', 'free', 'held', 'claimed', 'mode', 'shop_s', 'listed')
local state = sale_state(g[1], g[2], g[3], g[4], g[7])
if state == 'lost' then return { 'shut', state } end
local record = redis.call('HGET', place, place_id)
local standing, number, due
if record then
  standing, number, due = read_place(record)
  if standing == 'g' or (standing == 'a' and due <= now_ms) then return { 'left', number } end
  if standing == 'l' or due <= now_ms then return { 'lapsed', number } end
  if standing == 'a' then return { 'admitted', number, due, due - now_ms } end
else
  number = tonumber(redis.call('ZSCORE', queue, place_id) or -1)
  if number < 0 then return { 'unknown' } end
end
if state == 'closed' or state == 'sold_out' then return { 'shut', state } end
if not record and not (g[5] == 'simple' and state == 'open') then return { 'waiting', number } end

-- write
local ends = now_ms + g[6] * 1000
redis.call('ZREM', queue, place_id)
redis.call('HSET', place, place_id, place_record('a', number, ends))
redis.call('ZADD', admission, ends, place_id)
redis.call('HINCRBY', gate, 'admitted', 1)
redis.call('XADD', signal, 'MAXLEN', '~', 20000, '*', 'place', place_id)
return { 'admitted', number, ends, ends - now_ms }
