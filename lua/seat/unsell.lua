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
local own, kept, back = {}, {}, {}
if h then
  for _, at in ipairs(seat_list(h.seats)) do own[at] = h.state ~= 'f' end
end
for i = index_at, #ARGV do
  local at = tonumber(ARGV[i])
  local state = redis.call('GETRANGE', seat, at, at)
  if h and own[at] and (state == 's' or state == 'c') or not h and state == 's' then
    back[#back + 1] = at
    own[at] = false
  end
end
if h then
  for _, at in ipairs(seat_list(h.seats)) do
    if own[at] then kept[#kept + 1] = at end
  end
end

-- write
if #back == 0 then return { 'unsold', 0 } end
mark(back, '.')
if h then
  -- With nothing left it is a tombstone, and keeps its seats as one does.
  if #kept == 0 then h.state = 'f' else h.seats = table.concat(kept, ',') end
  redis.call('HSET', hold, hold_id, hold_record(h))
end
if redis.call('HINCRBY', fan, place_id, -#back) <= 0 then redis.call('HDEL', fan, place_id) end
redis.call('XADD', signal, 'MAXLEN', '~', 20000, '*', 'booking', booking_id,
  'state', booking_state)
return { 'unsold', #back }
