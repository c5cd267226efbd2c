-- Shared by seat/hold and seat/best: who may hold, and the one way a hold is written.
local settings = redis.call('HMGET', gate, 'state', 'free', 'held', 'claimed', 'hold_s',
  'hold_cap_s', 'seats_max')
local function refuse(count)
  local old = redis.call('HGET', hold, hold_id)
  if old then
    local h = read_hold(old)
    if h.owner ~= place_id or h.digest ~= digest then return { 'mismatch' } end
    if h.state == 'f' or (h.state == 'h' and h.due <= now_ms) then return { 'gone' } end
    return { 'held', h.due, math.max(0, h.due - now_ms), h.cap, seat_list(h.seats) }
  end
  local state = sale_state(settings[1], settings[2], settings[3], settings[4])
  if state ~= 'open' then return { 'closed', state } end
  local record = redis.call('HGET', place, place_id)
  if not record then return { 'lapsed' } end
  local standing, _, due = read_place(record)
  if standing ~= 'a' or due <= now_ms then return { 'lapsed' } end
  local has = tonumber(redis.call('HGET', fan, place_id) or 0)
  local most = tonumber(settings[7])
  if has + count > most then return { 'over_limit', has, most } end
  return nil
end
local function take(seats)
  local h = { state = 'h', owner = place_id, due = now_ms + settings[5] * 1000,
              cap = now_ms + settings[6] * 1000, digest = digest, claim_digest = '-',
              seats = table.concat(seats, ',') }
  mark(seats, 'h')
  redis.call('HSET', hold, hold_id, hold_record(h))
  redis.call('ZADD', hold_due, h.due, hold_id)
  redis.call('HINCRBY', fan, place_id, #seats)
  return { 'held', h.due, h.due - now_ms, h.cap, seats }
end
