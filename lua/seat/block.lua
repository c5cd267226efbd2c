-- seat/block: take seats off sale, put blocked ones back; nothing of a fan's is touched.
-- KEYS    gate seat feed
-- ARGV    partly blocks index...
-- REPLY   blocked changed | taken seats[] | unbuilt
-- ATOMIC  the first `blocks` indices become blocked, the others free: all of them, or none where
--         one to be blocked is held, claimed or sold. With `partly` 1 those are left as they are.
--         Only blocked seats become free.
-- COST    O(seats)
-- USES    mark

-- check
if redis.call('HEXISTS', gate, 'state') == 0 then return { 'unbuilt' } end
local shut, freed, taken = {}, {}, {}
for i = index_at, #ARGV do
  local index = tonumber(ARGV[i])
  local state = redis.call('GETRANGE', seat, index, index)
  if i - index_at < tonumber(blocks) then
    if state == '.' then shut[#shut + 1] = index
    elseif state ~= 'x' and state ~= '' then taken[#taken + 1] = index end
  elseif state == 'x' then
    freed[#freed + 1] = index
  end
end
if #taken > 0 and partly ~= '1' then return { 'taken', taken } end

-- write
mark(shut, 'x')
mark(freed, '.')
return { 'blocked', #shut + #freed }
