-- seat/build: lay out the seats of an event, once.
-- KEYS    gate seat segment feed
-- ARGV    states category_run...
-- REPLY   built | known
-- ATOMIC  seats, runs and counters appear together; a second call changes nothing.
-- COST    O(seats), once per event

-- check
if redis.call('HGET', gate, 'built') then return { 'known' } end

-- write
local _, free = string.gsub(states, '%.', '')
local _, claimed = string.gsub(states, 'c', '')
local _, sold = string.gsub(states, 's', '')
local _, blocked = string.gsub(states, 'x', '')
redis.call('SET', seat, states)
if #ARGV >= category_run_at then redis.call('HSET', segment, unpack(ARGV, category_run_at)) end
redis.call('HSET', gate, 'built', 1, 'seats', #states, 'free', free, 'held', 0,
  'claimed', claimed, 'sold', sold, 'blocked', blocked)
redis.call('XADD', feed, 'MAXLEN', '~', 20000, '*', 'reset', 1)
return { 'built' }
