-- What the gate calls a minute at the moment: the operator's rate, and of it as much as the pace
-- allows (in thousandths, see queue/pacing.py), never less than the operator's floor.
local function rate_now(rate, throttle, floor_pct, pace)
  if throttle ~= 'on' then return tonumber(rate) end
  local share = math.max(tonumber(pace or 1000), tonumber(floor_pct or 100) * 10)
  return math.max(1, math.floor(rate * math.min(1000, share) / 1000))
end
