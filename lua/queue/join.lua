-- queue/join: take a place, or say where the fan already stands.
-- KEYS    gate lobby queue place admission signal
-- ARGV    place_id
-- REPLY   lobby index | waiting number ahead | called number due_ms left_ms
--         | admitted number due_ms left_ms | shut state
-- ATOMIC  one place per fan; a missed call goes back to the front with the number it had.
-- COST    O(log n)
-- USES    now sale place

-- check
local g = redis.call('HMGET', gate, 'state', 'free', 'held', 'claimed', 'mode', 'shop_s', 'listed')
local state = sale_state(g[1], g[2], g[3], g[4], g[7])
if state == 'lost' or state == 'draft' then return { 'shut', state } end
local record = redis.call('HGET', place, place_id)
local standing, number, due
if record then
  standing, number, due = read_place(record)
  -- A call to a sale that is over leads nowhere: claim would refuse it.
  local over = state == 'closed' or state == 'sold_out'
  if ((standing == 'c' and not over) or standing == 'a') and due > now_ms then
    local word = standing == 'c' and 'called' or 'admitted'
    return { word, number, due, due - now_ms }
  end
end
if state == 'closed' or state == 'sold_out' then return { 'shut', state } end
if not record then
  local waiting = redis.call('ZSCORE', queue, place_id)
  if waiting and not (g[5] == 'simple' and state == 'open') then
    return { 'waiting', tonumber(waiting), redis.call('ZRANK', queue, place_id) }
  end
  number = waiting and tonumber(waiting)
  local index = redis.call('ZSCORE', lobby, place_id)
  if index then return { 'lobby', tonumber(index) } end
end

-- write
-- Who missed a call goes back to the front; who left or has shopped takes a new place.
local missed = standing == 'l' or standing == 'c'
if record then
  if not missed then number = nil end
  redis.call('HDEL', place, place_id)
  if redis.call('ZREM', admission, place_id) == 1 then -- the gate had not seen it lapse yet
    redis.call('HINCRBY', gate, missed and 'lapsed' or 'ended', 1)
  end
end
if state == 'lobby' and not number then
  local index = redis.call('HINCRBY', gate, 'lobby_next', 1) - 1
  redis.call('ZADD', lobby, index, place_id)
  redis.call('HINCRBY', gate, 'joined', 1)
  return { 'lobby', index }
end
if not number then
  number = redis.call('HINCRBY', gate, 'next', 1) - 1
  redis.call('HINCRBY', gate, 'joined', 1)
end
if g[5] == 'simple' and state == 'open' then
  local ends = now_ms + g[6] * 1000
  if redis.call('ZREM', queue, place_id) == 1 then -- who watches it is told that it waits
    redis.call('XADD', signal, 'MAXLEN', '~', 20000, '*', 'place', place_id)
  end
  redis.call('HSET', place, place_id, place_record('a', number, ends))
  redis.call('ZADD', admission, ends, place_id)
  redis.call('HINCRBY', gate, 'admitted', 1)
  return { 'admitted', number, ends, ends - now_ms }
end
redis.call('ZADD', queue, number, place_id)
local ahead = missed and redis.call('ZRANK', queue, place_id) or redis.call('ZCARD', queue) - 1
return { 'waiting', number, ahead }
