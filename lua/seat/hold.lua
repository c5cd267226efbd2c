-- seat/hold: hold every seat asked for, or none.
-- KEYS    gate seat hold hold_due place fan feed
-- ARGV    hold_id place_id digest index...
-- REPLY   held due_ms left_ms cap_ms seats[] | taken seats[] | over_limit has most | lapsed
--         | closed state | gone | mismatch
-- ATOMIC  a seat is in at most one hold; a refusal changes nothing.
-- COST    O(seats), seats <= limits.hold_seats_max
-- USES    now sale place hold mark take

-- check
local seats, taken, seen = {}, {}, {}
for i = index_at, #ARGV do
  local at = tonumber(ARGV[i])
  if not seen[at] then
    seen[at] = true
    seats[#seats + 1] = at
  end
end
local refusal = refuse(#seats)
if refusal then return refusal end
for _, at in ipairs(seats) do
  -- GETRANGE counts an offset below 0 from the end, where a seat is not the one asked for.
  if at < 0 or redis.call('GETRANGE', seat, at, at) ~= '.' then taken[#taken + 1] = at end
end
if #taken > 0 or #seats == 0 then return { 'taken', taken } end

-- write
return take(seats)
