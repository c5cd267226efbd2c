-- What state a sale is in for whoever asks now: sold out is a fact of the counters, never stored.
local function sale_state(state, free, held, claimed)
  if not state then return 'lost' end
  if state == 'open' and tonumber(free or 0) + tonumber(held or 0) + tonumber(claimed or 0) <= 0 then
    return 'sold_out'
  end
  return state
end
