-- seat/amend: set seats to what PostgreSQL says they are, where Redis had it wrong.
-- KEYS    gate seat feed
-- ARGV    pair...
-- REPLY   amended
-- ATOMIC  every pair (index, state); a seat already right is not touched.
-- COST    O(pairs)
-- USES    mark

-- check
local by_state = {}
for i = pair_at, #ARGV, 2 do
  local to = ARGV[i + 1]
  by_state[to] = by_state[to] or {}
  table.insert(by_state[to], tonumber(ARGV[i]))
end

-- write
for to, seats in pairs(by_state) do mark(seats, to) end
return { 'amended' }
