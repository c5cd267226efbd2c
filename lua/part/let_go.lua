-- Seats of a hold go back on sale. The record stays a while as a tombstone, so that a replay of
-- the request that made it is told "gone" instead of holding anew.
local tombstone_ms = 600000
local function let_go(id, h)
  local list = seat_list(h.seats)
  mark(list, '.')
  h.state = 'f'
  redis.call('HSET', hold, id, hold_record(h))
  redis.call('ZADD', hold_due, now_ms + tombstone_ms, id)
  if redis.call('HINCRBY', fan, h.owner, -#list) <= 0 then redis.call('HDEL', fan, h.owner) end
end
