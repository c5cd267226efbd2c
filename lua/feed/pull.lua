-- feed/pull: what happened since a hub last asked, public and private.
-- KEYS    feed signal
-- ARGV    feed_id signal_id most
-- REPLY   pulled feed_entries[] signal_entries[]
-- ATOMIC  reads only.
-- COST    O(entries since), bounded by `most`; flat in the number of fans held

return { 'pulled',
  redis.call('XRANGE', feed, '(' .. feed_id, '+', 'COUNT', most),
  redis.call('XRANGE', signal, '(' .. signal_id, '+', 'COUNT', most) }
