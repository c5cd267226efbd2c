-- seat/best: hold the best seats still free: adjacent, near the focus, leaving no single gap.
-- KEYS    gate seat segment hold hold_due place fan feed
-- ARGV    hold_id place_id digest category first count quantity apart
-- REPLY   held due_ms left_ms cap_ms seats[] | few most | over_limit has most | lapsed
--         | closed state | gone | mismatch
-- ATOMIC  a seat is in at most one hold; a refusal changes nothing.
-- COST    a byte scan of the category's seats, 2,048 at a time until some fit; 12 bytes decoded per
--         row looked at, and as often as some log of the rows
-- USES    now sale hold mark take search

-- check
local want = tonumber(quantity)
local refusal = refuse(want)
if refusal then return refusal end
local seats, most = best_of(want)
if not seats then return { 'few', most } end

-- write
return take(seats, (runs_of(seats)), settings[5] * 1000, settings[6] * 1000)
