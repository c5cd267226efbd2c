-- seat/claim: a hold becomes a booking on its way to PostgreSQL.
-- KEYS    gate seat hold hold_due feed ledger
-- ARGV    hold_id place_id digest booking_id payment_s entries_max payload
-- REPLY   claimed due_ms left_ms seats[] | gone | mismatch | full
-- ATOMIC  seats and ledger entry change together; a replay finds the booking it made.
-- COST    O(seats)
-- USES    now hold mark

-- check
local record = redis.call('HGET', hold, hold_id)
if not record then return { 'gone' } end
local h = read_hold(record)
if h.owner ~= place_id or h.state == 'f' then return { 'gone' } end
local seats = seat_list(h.seats)
if h.state ~= 'h' then
  if h.claim_digest ~= digest then return { 'mismatch' } end
  return { 'claimed', h.due, math.max(0, h.due - now_ms), seats }
end
if h.due <= now_ms then return { 'gone' } end
for _, at in ipairs(seats) do
  if redis.call('GETRANGE', seat, at, at) ~= 'h' then return { 'gone' } end
end
if redis.call('XLEN', ledger) >= tonumber(entries_max) then return { 'full' } end

-- write
mark(seats, 'c')
h.state, h.claim_digest, h.due = 'c', digest, now_ms + payment_s * 1000
redis.call('HSET', hold, hold_id, hold_record(h))
redis.call('ZREM', hold_due, hold_id)
redis.call('XADD', ledger, '*', 'kind', 'claim', 'hold', hold_id, 'booking', booking_id,
  'due', string.format('%.0f', h.due), 'at', string.format('%.0f', now_ms),
  'seats', h.seats, 'data', payload)
return { 'claimed', h.due, h.due - now_ms, seats }
