-- waitlist/set: to whom free seats are sold, once the list has been looked through.
-- KEYS    gate
-- ARGV    listed seq
-- REPLY   set | moved seq
-- ATOMIC  `listed`: 1 to who waits and to nobody else, 0 to everybody since nobody who waits fits,
--         '' to everybody since nobody waits. Only while nothing has come back and nobody has
--         joined since `seq` was read.
-- COST    O(1)

-- check
local now_at = tonumber(redis.call('HGET', gate, 'list_seq') or 0)
if now_at ~= tonumber(seq) then return { 'moved', now_at } end

-- write
if listed == '' then
  redis.call('HDEL', gate, 'listed')
else
  redis.call('HSET', gate, 'listed', listed)
end
return { 'set' }
