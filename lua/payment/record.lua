-- payment/record: put what a payment provider said on the ledger.
-- KEYS    ledger
-- ARGV    entries_max kind payload
-- REPLY   recorded entry | full
-- ATOMIC  one entry; saying it twice is harmless, the worker's transitions are conditional.
-- COST    O(1)

-- check
if redis.call('XLEN', ledger) >= tonumber(entries_max) then return { 'full' } end

-- write
return { 'recorded', redis.call('XADD', ledger, '*', 'kind', kind, 'data', payload) }
