-- queue/release: the gate. Sees lapses, then calls as many as rate, pace, capacity and seats allow.
-- KEYS    gate queue place admission signal
-- ARGV    batch_max expire_max
-- REPLY   released count shopping waiting places[] | idle reason shopping waiting
-- ATOMIC  admitted never exceeds the rate or the capacity, whoever calls it and however often.
-- COST    O((called + lapsed) log n), both bounded by ARGV
-- USES    now sale pace

-- check
local g = redis.call('HMGET', gate, 'state', 'free', 'held', 'claimed', 'mode', 'gate_state',
  'rate', 'capacity', 'slot_us', 'drawn', 'claim_s', 'window_ms', 'window_n', 'window_rate',
  'listed', 'throttle', 'floor_pct', 'pace')
local state = sale_state(g[1], g[2], g[3], g[4], g[15])
if state == 'lost' then return { 'idle', state, 0, 0 } end
local simple = g[5] == 'simple'
local rate, capacity = rate_now(g[7], g[16], g[17], g[18]), tonumber(g[8])
-- Rate is a GCRA on the server's clock: slot_us is when the next fan is due to be called. At
-- most one second's worth (or one fan) may be caught up after a pause, so no burst builds up.
local each_us = 60000000 / rate
-- Whole microseconds: a fraction would be rounded off beside now_us, to just less than one fan.
local slack_us = math.max(1000000, math.ceil(each_us))
local slot_us = math.max(tonumber(g[9] or 0), now_us - slack_us)
-- It is never in the future. Where the clock was set back the gate would stand still for as long.
local set_back = slot_us > now_us + 1000000
local waiting = redis.call('ZCARD', queue)
local reason
if state ~= 'open' then reason = state
elseif g[6] ~= 'open' and not simple then reason = 'gate_paused'
elseif g[10] ~= '1' then reason = 'drawing'
elseif tonumber(g[2]) <= 0 then reason = 'no_free_seats'
elseif waiting == 0 then reason = 'nobody_waiting' end
local lapsed = redis.call('ZRANGEBYSCORE', admission, '-inf', now_ms, 'LIMIT', 0, expire_max)
local stood = #lapsed > 0 and redis.call('HMGET', place, unpack(lapsed))

-- write
if set_back then
  slot_us = now_us
  redis.call('HSET', gate, 'slot_us', string.format('%.0f', now_us), 'window_ms', 0)
end
-- Records are put together here and not by part/place, and everybody's are one call: of a thousand
-- called while five hundred lapse that is most of the price.
if #lapsed > 0 then
  local records, missed = {}, 0
  for i, id in ipairs(lapsed) do
    local standing, number = string.match(stood[i] or 'g 0', '^(%a) (%d+)')
    local called = standing == 'c'
    if called then missed = missed + 1 end
    records[2 * i - 1], records[2 * i] = id, (called and 'l ' or 'g ') .. number .. ' 0'
  end
  redis.call('HSET', place, unpack(records))
  redis.call('ZREM', admission, unpack(lapsed))
  redis.call('HINCRBY', gate, 'lapsed', missed)
  redis.call('HINCRBY', gate, 'ended', #lapsed - missed)
end
local shopping = redis.call('ZCARD', admission)
if reason then return { 'idle', reason, shopping, waiting } end
local most = math.min(waiting, tonumber(batch_max))
if not simple then
  local by_rate = math.floor((now_us - slot_us) / each_us)
  local by_capacity = capacity - shopping
  if by_rate < 1 then return { 'idle', 'rate', shopping, waiting } end
  if by_capacity < 1 then return { 'idle', 'capacity', shopping, waiting } end
  most = math.min(most, by_rate, by_capacity)
end
local popped = redis.call('ZPOPMIN', queue, most)
local due = string.format('%.0f', now_ms + g[11] * 1000)
local ids, records, dues = {}, {}, {}
for i = 1, #popped, 2 do
  local id, number = popped[i], popped[i + 1]
  ids[#ids + 1] = id
  records[i], records[i + 1] = id, 'c ' .. number .. ' ' .. due
  dues[i], dues[i + 1] = due, id
end
redis.call('HSET', place, unpack(records))
redis.call('ZADD', admission, unpack(dues))
shopping = shopping + #ids
redis.call('HINCRBY', gate, 'called', #ids)
redis.call('XADD', signal, 'MAXLEN', '~', 20000, '*', 'called', table.concat(ids, ' '),
  'due', due, 'mode', g[5], 'count', #ids, 'shopping', shopping,
  'rate', rate, 'capacity', g[8])
if not simple then
  -- The marks are reckoned from the calls themselves, not from slot_us, so that a fault in the
  -- GCRA above would show: calls in a window may not exceed its rate plus the one burst.
  local window_ms, window_n = tonumber(g[12] or 0), tonumber(g[13] or 0)
  local window_rate = math.max(tonumber(g[14] or 0), rate)
  if now_ms - window_ms >= 60000 or now_ms < window_ms then
    window_ms, window_n, window_rate = now_ms, 0, rate
  end
  window_n = window_n + #ids
  local allowed = (now_ms - window_ms + 1) * window_rate / 60000 + math.max(1, window_rate / 60)
  local over_rate = math.max(0, window_n - math.ceil(allowed))
  local marks = redis.call('HMGET', gate, 'shopping_max', 'over_capacity', 'over_rate')
  redis.call('HSET', gate, 'slot_us', string.format('%.0f', math.ceil(slot_us + #ids * each_us)),
    'window_ms', string.format('%.0f', window_ms), 'window_n', window_n,
    'window_rate', window_rate,
    'shopping_max', math.max(tonumber(marks[1] or 0), shopping),
    'over_capacity', math.max(tonumber(marks[2] or 0), shopping - capacity),
    'over_rate', math.max(tonumber(marks[3] or 0), over_rate))
end
return { 'released', #ids, shopping, waiting - #ids, ids }
