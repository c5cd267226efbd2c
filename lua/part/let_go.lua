-- Seats of a hold go back on sale. The record stays a while as a tombstone, so that a replay of
-- the request that made it is told "gone" instead of holding anew.
local tombstone_ms = 600000
local function let_go(id, h)
  local list, own = seat_list(h.seats), {}
  for _, index in ipairs(list) do
    -- A seat that PostgreSQL has since decided about (settle, amend) is no longer the hold's.
    if redis.call('GETRANGE', seat, index, index) == h.state then own[#own + 1] = index end
  end
  mark(own, '.')
  h.state = 'f'
  redis.call('HSET', hold, id, hold_record(h))
  redis.call('ZADD', hold_due, now_ms + tombstone_ms, id)
  if redis.call('HINCRBY', fan, h.owner, -#list) <= 0 then redis.call('HDEL', fan, h.owner) end
end
