-- seat/offer: hold the best seats still free for somebody on the waiting list.
-- KEYS    gate seat segment hold hold_due place fan feed
-- ARGV    hold_id place_id digest category first count quantity apart offer_s
-- REPLY   held due_ms left_ms cap_ms seats[] | few most | over_limit has most | closed state
--         | gone | mismatch
-- ATOMIC  a seat is in at most one hold; the same offer again is the same hold; it cannot be
--         extended. A refusal changes nothing.
-- COST    that of seat/best
-- USES    now sale hold mark take search

-- check
local want = tonumber(quantity)
local refusal = refuse(want, true)
if refusal then return refusal end
local seats, most = best_of(want)
if not seats then return { 'few', most } end

-- write
return take(seats, (runs_of(seats)), offer_s * 1000, offer_s * 1000)
