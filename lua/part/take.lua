-- Shared by seat/hold, seat/best and seat/offer: who may hold, and the one way a hold is written.
local settings = redis.call('HMGET', gate, 'state', 'free', 'held', 'claimed', 'hold_s',
  'hold_cap_s', 'seats_max', 'listed')
-- Who is `offered` seats has waited for them instead of standing in line.
local has = 0 -- seats of theirs already
local function refuse(count, offered)
  local old = redis.call('HGET', hold, hold_id)
  if old then
    local h = read_hold(old)
    if h.owner ~= place_id or h.digest ~= digest then return { 'mismatch' } end
    if h.state == 'f' or (h.state == 'h' and h.due <= now_ms) then return { 'gone' } end
    return { 'held', h.due, math.max(0, h.due - now_ms), h.cap, seat_list(h.seats) }
  end
  -- 1: kept for who is on the waiting list; 2: nobody has looked yet whether somebody there fits.
  local listed = not offered and (settings[8] == '1' or settings[8] == '2') and '1'
  local state = sale_state(settings[1], settings[2], settings[3], settings[4], listed)
  if state ~= 'open' then return { 'closed', state } end
  -- Only a live admission may hold: a record of `place` that says so, read without the part.
  local due = not offered
    and string.match(redis.call('HGET', place, place_id) or '', '^a %d+ (%d+)$')
  if not offered and (not due or tonumber(due) <= now_ms) then return { 'lapsed' } end
  has = tonumber(redis.call('HGET', fan, place_id) or 0)
  local most = tonumber(settings[7])
  if has + count > most then return { 'over_limit', has, most } end
  return nil
end
local function take(seats, runs, hold_ms, cap_ms)
  local list = table.concat(seats, ',')
  local due, cap = now_ms + hold_ms, now_ms + cap_ms
  shift(runs, list, 'h')
  -- The counters were read above and nothing has moved since: one call instead of two.
  redis.call('HSET', gate, 'free', settings[2] - #seats, 'held', settings[3] + #seats)
  redis.call('HSET', hold, hold_id, hold_text('h', place_id, due, cap, digest, '-', list))
  redis.call('ZADD', hold_due, due, hold_id)
  redis.call('HSET', fan, place_id, has + #seats)
  return { 'held', due, due - now_ms, cap, seats }
end
