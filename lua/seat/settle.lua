-- seat/settle: what PostgreSQL decided about a booking comes back to the seats.
-- KEYS    gate seat hold hold_due place admission fan feed signal
-- ARGV    hold_id booking_id booking_state outcome place_id index...
-- REPLY   settled changed
-- ATOMIC  seats, counters, hold and fan move together; settling again changes nothing. A booking
--         whose hold is not known is signalled each time: nobody knows whether its fan was told.
--         Without an outcome nothing changes and its fan is told to look: a payment has moved.
-- COST    O(seats)
-- USES    now place hold mark let_go

-- check
local record = redis.call('HGET', hold, hold_id)
local h = record and read_hold(record)
local seats = {}
for i = index_at, #ARGV do seats[#seats + 1] = tonumber(ARGV[i]) end

-- write
local changed = 0
if outcome == 's' then
  -- PostgreSQL decides: whatever Redis believed of these seats, they are sold; unless it has taken
  -- them back since, and this is a worker's that was stopped in between.
  if not (h and (h.state == 's' or h.back)) then
    mark(seats, 's')
    changed = 1
    if h then
      if h.state == 'f' then redis.call('HINCRBY', fan, h.owner, #seat_list(h.seats)) end
      h.state = 's'
      redis.call('HSET', hold, hold_id, hold_record(h))
      redis.call('ZADD', hold_due, now_ms + tombstone_ms, hold_id)
    end
    -- Only for a purchase Redis has just seen: what it has forgotten ends nobody's new admission.
    local standing = h and redis.call('HGET', place, place_id)
    if standing and string.sub(standing, 1, 1) == 'a' then
      -- A fan who has bought is done shopping: the slot goes to the next in line.
      local _, number = read_place(standing)
      redis.call('HSET', place, place_id, place_record('g', number, 0))
      redis.call('ZREM', admission, place_id)
      redis.call('HINCRBY', gate, 'ended', 1)
    end
  end
elseif outcome ~= '' and h and h.state == 'c' then
  let_go(hold_id, h)
  changed = 1
end
if changed == 1 or not h or outcome == '' then
  redis.call('XADD', signal, 'MAXLEN', '~', 20000, '*', 'booking', booking_id,
    'state', booking_state)
end
return { 'settled', changed }
