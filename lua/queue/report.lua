-- queue/report: how long answers take in an API process that serves the event.
-- KEYS    strain
-- ARGV    process delay_ms kept_ms
-- REPLY   reported
-- ATOMIC  the newest report of each process; those of processes that fell silent are forgotten.
-- COST    O(processes)
-- USES    now strain

-- write
local reports = redis.call('HGETALL', strain)
for i = 1, #reports, 2 do
  if read_strain(reports[i + 1]) <= now_ms then redis.call('HDEL', strain, reports[i]) end
end
redis.call('HSET', strain, process, string.format('%.0f %.0f', now_ms + kept_ms, delay_ms))
redis.call('PEXPIRE', strain, kept_ms)
return { 'reported' }
