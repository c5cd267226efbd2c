-- seat/recall: after a loss of Redis, bring back who owns what PostgreSQL knows as taken.
-- KEYS    hold hold_due fan
-- ARGV    row...
-- REPLY   recalled count
-- ATOMIC  a hold known to Redis is left alone, and its seats are not counted twice.
-- COST    O(rows): hold_id, owner, state, due_ms, booking fingerprint, seats per row
-- USES    hold

-- write
local count = 0
for i = row_at, #ARGV, 6 do
  local id, owner, state, due, claim_digest, seats = unpack(ARGV, i, i + 5)
  if redis.call('HEXISTS', hold, id) == 0 then
    redis.call('HSET', hold, id, hold_record({ state = state, owner = owner, due = tonumber(due),
      cap = tonumber(due), digest = '-', claim_digest = claim_digest, seats = seats }))
    -- As after a purchase: what is sold is remembered a while, and seat/sweep forgets it.
    if state == 's' then redis.call('ZADD', hold_due, due, id) end
    redis.call('HINCRBY', fan, owner, #seat_list(seats))
    count = count + 1
  end
end
return { 'recalled', count }
