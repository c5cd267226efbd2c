-- A record of `strain`: until when it counts, and how long answers took, both in milliseconds.
local function read_strain(record)
  local till, delay = string.match(record, '^(%d+) (%d+)$')
  return tonumber(till), tonumber(delay)
end
