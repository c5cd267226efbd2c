-- queue/pace: a new pace of the gate, where nobody else has changed it since it was looked at.
-- KEYS    gate
-- ARGV    seen_ms pace why
-- REPLY   paced | moved
-- ATOMIC  of several tickers that saw the same pace one takes the step; asked again: moved.
-- COST    O(1)
-- USES    now

-- check
local g = redis.call('HMGET', gate, 'state', 'pace_ms', 'slow_ms')
if not g[1] or (g[2] or '0') ~= seen_ms then return { 'moved' } end

-- write
local full = tonumber(pace) >= 1000
local since = tonumber(g[3] or 0)
if full then since = 0 elseif since == 0 then since = now_ms end
redis.call('HSET', gate, 'pace', pace, 'pace_ms', string.format('%.0f', now_ms),
  'pace_why', full and '' or why, 'slow_ms', string.format('%.0f', since))
return { 'paced' }
