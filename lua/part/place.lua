-- A record of `place`: 'c' called, 'a' admitted, 'l' lapsed, 'g' gone; its number; its due.
local function read_place(record)
  local state, number, due = string.match(record, '^(%a) (%d+) (%d+)$')
  return state, tonumber(number), tonumber(due)
end
local function place_record(state, number, due)
  return string.format('%s %.0f %.0f', state, number, due)
end
