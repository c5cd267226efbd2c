-- seat/read: one hold as it stands.
-- KEYS    hold
-- ARGV    hold_id
-- REPLY   hold state owner due_ms left_ms cap_ms seats[] | gone
-- ATOMIC  reads only.
-- COST    O(seats)
-- USES    now hold

local record = redis.call('HGET', hold, hold_id)
if not record then return { 'gone' } end
local h = read_hold(record)
if h.state == 'f' or (h.state == 'h' and h.due <= now_ms) then return { 'gone' } end
return { 'hold', h.state, h.owner, h.due, math.max(0, h.due - now_ms), h.cap, seat_list(h.seats) }
