-- queue/place: where a place stands now.
-- KEYS    gate lobby queue place
-- ARGV    place_id
-- REPLY   lobby index | waiting number | called number due_ms left_ms
--         | admitted number due_ms left_ms | lapsed number | left number | unknown
--         | shut state
-- ATOMIC  reads only.
-- COST    O(1): how many stand before a number is told by queue/curve, once for all who ask
-- USES    now sale place

local g = redis.call('HMGET', gate, 'state', 'free', 'held', 'claimed', 'listed')
local state = sale_state(g[1], g[2], g[3], g[4], g[5])
if state == 'lost' then return { 'shut', state } end
local over = state == 'closed' or state == 'sold_out'
local record = redis.call('HGET', place, place_id)
if record then
  local standing, number, due = read_place(record)
  -- A call to a sale that is over leads nowhere: claim would refuse it.
  if standing == 'c' and due > now_ms and over then return { 'shut', state } end
  if standing == 'g' or (standing == 'a' and due <= now_ms) then return { 'left', number } end
  if standing == 'l' or (standing == 'c' and due <= now_ms) then return { 'lapsed', number } end
  return { standing == 'c' and 'called' or 'admitted', number, due, due - now_ms }
end
local number = redis.call('ZSCORE', queue, place_id)
local index = not number and redis.call('ZSCORE', lobby, place_id)
if not number and not index then return { 'unknown' } end
if over then return { 'shut', state } end
if index then return { 'lobby', tonumber(index) } end
return { 'waiting', tonumber(number) }
