-- feed/notice: a word from the organiser to everyone who waits or looks.
-- KEYS    gate feed
-- ARGV    text
-- REPLY   noticed feed_id | lost
-- ATOMIC  those who come later find it in the gate, those who are here hear it on the feed; the
--         same word again changes nothing.
-- COST    O(1)

-- check
local g = redis.call('HMGET', gate, 'state', 'notice', 'notice_id')
if not g[1] then return { 'lost' } end
if g[2] == text then return { 'noticed', g[3] } end

-- write
local id = redis.call('XADD', feed, 'MAXLEN', '~', 20000, '*', 'notice', text)
redis.call('HSET', gate, 'notice', text, 'notice_id', id)
return { 'noticed', id }
