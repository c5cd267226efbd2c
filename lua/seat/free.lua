-- seat/free: the owner lets a hold go; its seats are on sale again at once.
-- KEYS    gate seat hold hold_due fan feed
-- ARGV    hold_id place_id
-- REPLY   freed | gone | claimed
-- ATOMIC  only the owner's, only while held; freeing twice is freeing once.
-- COST    O(seats)
-- USES    now hold mark let_go

-- check
local record = redis.call('HGET', hold, hold_id)
if not record then return { 'gone' } end
local h = read_hold(record)
if h.owner ~= place_id then return { 'gone' } end
if h.state == 'f' then return { 'freed' } end
if h.state ~= 'h' then return { 'claimed' } end

-- write
let_go(hold_id, h)
return { 'freed' }
