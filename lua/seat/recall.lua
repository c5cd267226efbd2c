-- seat/recall: who owns which seats, by PostgreSQL: after a loss, or where Redis had it wrong.
-- KEYS    gate seat hold hold_due fan feed
-- ARGV    row...
-- REPLY   recalled count
-- ATOMIC  what Redis has heard of a booking since (sold, freed) stands; no seat is counted twice.
-- COST    O(rows): hold_id, owner, state, due_ms, booking fingerprint, seats per row
-- USES    hold mark

-- check
-- What is not known while an event is laid out was lost. Later, a sold hold may as well have been
-- forgotten by seat/sweep: then its seats are counted still.
local laying = redis.call('HEXISTS', gate, 'state') == 0

-- write
local count = 0
for i = row_at, #ARGV, 6 do
  local id, owner, state, due, claim_digest, seats = unpack(ARGV, i, i + 5)
  local record = redis.call('HGET', hold, id)
  local h = record and read_hold(record)
  -- Of what is known as sold, only what it has not given back since.
  local own = h and h.state == 's' and h.seats or seats
  if not (h and h.back) and (state == 's' or not h or h.state == 'c' or h.state == 'h') then
    mark(seat_list(own), state)
  end
  local lost = not h and (laying or state == 'c')
  if lost or h and h.state == 'h' then
    redis.call('HSET', hold, id, hold_record({ state = state, owner = owner, due = tonumber(due),
      cap = tonumber(due), digest = h and h.digest or '-', claim_digest = claim_digest,
      seats = seats }))
    redis.call('ZREM', hold_due, id)
    -- As after a purchase: what is sold is remembered a while, and seat/sweep forgets it.
    if state == 's' then redis.call('ZADD', hold_due, due, id) end
    count = count + 1
  end
  if lost then redis.call('HINCRBY', fan, owner, #seat_list(seats)) end
end
return { 'recalled', count }
