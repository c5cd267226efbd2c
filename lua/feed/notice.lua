-- feed/notice: a word from the organiser to everyone who waits or looks.
-- KEYS    gate feed
-- ARGV    text
-- REPLY   noticed feed_id | lost
-- ATOMIC  those who come later find it in the gate, those who are here hear it on the feed.
-- COST    O(1)

-- check
if not redis.call('HGET', gate, 'state') then return { 'lost' } end

-- write
redis.call('HSET', gate, 'notice', text)
return { 'noticed', redis.call('XADD', feed, 'MAXLEN', '~', 20000, '*', 'notice', text) }
