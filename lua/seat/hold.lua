-- seat/hold: hold every seat asked for, or none.
-- KEYS    gate seat hold hold_due place fan feed
-- ARGV    hold_id place_id digest index...
-- REPLY   held due_ms left_ms cap_ms seats[] | taken seats[] | over_limit has most | lapsed
--         | closed state | gone | mismatch
-- ATOMIC  a seat is in at most one hold; a refusal changes nothing.
-- COST    O(seats), seats <= limits.hold_seats_max
-- USES    now sale hold mark take

-- check
local seats, taken = {}, {}
for i = index_at, #ARGV do seats[i - index_at + 1] = tonumber(ARGV[i]) end
local runs, count = runs_of(seats)
if count < #seats then -- a seat named twice is held once
  local seen, once = {}, {}
  for _, at in ipairs(seats) do
    if not seen[at] then once[#once + 1] = at end
    seen[at] = true
  end
  seats = once
end
local refusal = refuse(count)
if refusal then return refusal end
-- Run by run first; seat by seat only where a run is not all free. GETRANGE counts an offset below
-- 0 from the end, where a seat is not the one asked for.
local whole = true
for r = 1, #runs, 2 do
  local at, length = runs[r], runs[r + 1]
  local states = redis.call('GETRANGE', seat, at, at + length - 1)
  whole = whole and at >= 0 and states == string.rep('.', length)
end
for _, at in ipairs(whole and {} or seats) do
  if at < 0 or redis.call('GETRANGE', seat, at, at) ~= '.' then taken[#taken + 1] = at end
end
if #taken > 0 or count == 0 then return { 'taken', taken } end

-- write
return take(seats, runs, settings[5] * 1000, settings[6] * 1000)
