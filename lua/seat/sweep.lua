-- seat/sweep: free the holds whose due has passed, forget old tombstones, trim the feed.
-- KEYS    gate seat hold hold_due fan feed
-- ARGV    most
-- REPLY   swept freed forgotten
-- ATOMIC  a hold is freed with all its seats.
-- COST    O(most x seats)
-- USES    now hold mark let_go

-- write
local freed, forgotten = 0, 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', hold_due, '-inf', now_ms, 'LIMIT', 0, most)) do
  local record = redis.call('HGET', hold, id)
  local h = record and read_hold(record)
  if h and h.state == 'h' then
    let_go(id, h)
    freed = freed + 1
  else
    redis.call('ZREM', hold_due, id)
    -- A hold that became a booking is remembered for good (some 100 bytes): its id, and with it the
    -- booking's, must never be made again by a key used twice.
    if h and h.claim_digest == '-' then redis.call('HDEL', hold, id) end
    forgotten = forgotten + 1
  end
end
redis.call('XTRIM', feed, 'MAXLEN', '~', 20000)
return { 'swept', freed, forgotten }
