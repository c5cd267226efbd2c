-- waitlist/call: somebody waits: seats that come back are theirs first.
-- KEYS    gate
-- ARGV    -
-- REPLY   called listed | unbuilt
-- ATOMIC  whoever has just found that nobody waits, or that nobody fits, must look again. While
--         seats are on public sale they are held back until then (2), else all are kept (1).
-- COST    O(1)

-- check
local g = redis.call('HMGET', gate, 'built', 'listed')
if not g[1] then return { 'unbuilt' } end
local listed = (g[2] == '0' or g[2] == '2') and '2' or '1'

-- write
redis.call('HINCRBY', gate, 'list_seq', 1)
redis.call('HSET', gate, 'listed', listed)
return { 'called', listed }
