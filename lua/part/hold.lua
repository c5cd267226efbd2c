-- A record of `hold`: 'h' held, 'c' claimed, 's' sold, 'f' freed; owner; times; the fingerprints
-- of the requests that made it and its booking; its seats. 'r' is a purchase that went back whole:
-- freed for good, whatever a worker that read its booking before says of it afterwards.
local function read_hold(record)
  local state, owner, due, cap, digest, claim_digest, seats =
    string.match(record, '^(%a) (%S+) (%d+) (%d+) (%S+) (%S+) (%S+)$')
  local back = state == 'r'
  return { state = back and 'f' or state, back = back, owner = owner, due = tonumber(due),
           cap = tonumber(cap), digest = digest, claim_digest = claim_digest, seats = seats }
end
local function hold_text(state, owner, due, cap, digest_of, claim_digest, seats)
  -- Milliseconds have 13 digits, and Lua writes numbers with 14: no format is needed.
  return state .. ' ' .. owner .. ' ' .. due .. ' ' .. cap .. ' ' .. digest_of .. ' '
    .. claim_digest .. ' ' .. seats
end
local function hold_record(h)
  return hold_text(h.state, h.owner, h.due, h.cap, h.digest, h.claim_digest, h.seats)
end
local function seat_list(seats)
  local list = {}
  for index in string.gmatch(seats, '%d+') do list[#list + 1] = tonumber(index) end
  return list
end
