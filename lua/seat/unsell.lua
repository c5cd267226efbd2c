-- seat/unsell: tickets were given back: their seats are on sale again.
-- KEYS    gate seat hold fan feed signal
-- ARGV    hold_id booking_id booking_state place_id index...
-- REPLY   unsold count
-- ATOMIC  only seats the purchase still has here, so that doing it again changes nothing. Where the
--         purchase is not known, whatever is sold of these is taken for its: who calls has asked
--         PostgreSQL that nobody else has them.
-- COST    O(seats)
-- USES    hold mark

-- check
local record = redis.call('HGET', hold, hold_id)
local h = record and read_hold(record)
local own, asked, kept, back = {}, {}, {}, {}
for _, at in ipairs(h and seat_list(h.seats) or {}) do own[at] = true end
for i = index_at, #ARGV do
  local at = tonumber(ARGV[i])
  local state = redis.call('GETRANGE', seat, at, at)
  if h and h.state ~= 'f' and own[at] and (state == 's' or state == 'c')
    or not h and state == 's' then
    back[#back + 1] = at
  end
  asked[at] = true
end
for _, at in ipairs(h and seat_list(h.seats) or {}) do
  if not asked[at] then kept[#kept + 1] = at end
end
-- Nothing is left of it. It may have been freed before, as a booking that was not paid for: whoever
-- read that it was, and comes late, must not sell its seats any more.
local gone = h and #kept == 0 and not h.back

-- write
if gone then
  h.state = 'r'
  redis.call('HSET', hold, hold_id, hold_record(h))
end
if #back == 0 then return { 'unsold', 0 } end
mark(back, '.')
if h and not gone then
  h.seats = table.concat(kept, ',')
  redis.call('HSET', hold, hold_id, hold_record(h))
end
if redis.call('HINCRBY', fan, place_id, -#back) <= 0 then redis.call('HDEL', fan, place_id) end
redis.call('XADD', signal, 'MAXLEN', '~', 20000, '*', 'booking', booking_id,
  'state', booking_state)
return { 'unsold', #back }
