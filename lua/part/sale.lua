-- What state a sale is in for whoever asks now: sold out is a fact of the counters, never stored.
-- While seats are kept for who is on the waiting list (`listed` 1), it is so for all others too.
local function sale_state(state, free, held, claimed, listed)
  if not state then return 'lost' end
  if state == 'open' and (listed == '1'
    or tonumber(free or 0) + tonumber(held or 0) + tonumber(claimed or 0) <= 0) then
    return 'sold_out'
  end
  return state
end
