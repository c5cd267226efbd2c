-- seat/extend: hold the same seats longer, up to the cap set when they were first held.
-- KEYS    gate hold hold_due
-- ARGV    hold_id place_id
-- REPLY   held due_ms left_ms cap_ms seats[] | gone | claimed
-- ATOMIC  the cap never moves, so extending again and again ends there.
-- COST    O(seats)
-- USES    now hold

-- check
local record = redis.call('HGET', hold, hold_id)
if not record then return { 'gone' } end
local h = read_hold(record)
if h.owner ~= place_id or h.state == 'f' or (h.state == 'h' and h.due <= now_ms) then
  return { 'gone' }
end
if h.state ~= 'h' then return { 'claimed' } end

-- write
h.due = math.max(h.due, math.min(h.cap, now_ms + redis.call('HGET', gate, 'hold_s') * 1000))
redis.call('HSET', hold, hold_id, hold_record(h))
redis.call('ZADD', hold_due, h.due, hold_id)
return { 'held', h.due, h.due - now_ms, h.cap, seat_list(h.seats) }
