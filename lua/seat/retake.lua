-- seat/retake: money came after the booking had lapsed: take its seats again if all are free.
-- KEYS    gate seat hold hold_due fan feed
-- ARGV    hold_id place_id digest due_ms index...
-- REPLY   retaken | taken seats[]
-- ATOMIC  all seats or none; a hold that still claims them is left as it is.
-- COST    O(seats)
-- USES    hold mark

-- check
local seats, taken = {}, {}
for i = index_at, #ARGV do seats[#seats + 1] = tonumber(ARGV[i]) end
local record = redis.call('HGET', hold, hold_id)
local h = record and read_hold(record)
if h and (h.state == 'c' or h.state == 's') then return { 'retaken' } end
-- Paid for and given back since: this is a worker's that was stopped before it could retake them.
if h and h.back then return { 'taken', {} } end
for _, at in ipairs(seats) do
  if redis.call('GETRANGE', seat, at, at) ~= '.' then taken[#taken + 1] = at end
end
if #taken > 0 then return { 'taken', taken } end

-- write
mark(seats, 'c')
redis.call('HSET', hold, hold_id, hold_record({ state = 'c', owner = place_id,
  due = tonumber(due_ms), cap = tonumber(due_ms), digest = h and h.digest or '-',
  claim_digest = digest, seats = table.concat(seats, ',') }))
redis.call('ZREM', hold_due, hold_id)
redis.call('HINCRBY', fan, place_id, #seats)
return { 'retaken' }
