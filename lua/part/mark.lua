-- The only way a seat changes its state: characters, counters and feed move together.
local names = { ['.'] = 'free', h = 'held', c = 'claimed', s = 'sold', x = 'blocked' }
local function mark(seats, to)
  local moved, delta = {}, {}
  for _, index in ipairs(seats) do
    local from = redis.call('GETRANGE', seat, index, index)
    if from ~= to and from ~= '' then
      redis.call('SETRANGE', seat, index, to)
      delta[from] = (delta[from] or 0) - 1
      delta[to] = (delta[to] or 0) + 1
      moved[#moved + 1] = index
    end
  end
  if #moved == 0 then return '0-0' end
  for state, count in pairs(delta) do redis.call('HINCRBY', gate, names[state], count) end
  return redis.call('XADD', feed, 'MAXLEN', '~', 20000, '*', to, table.concat(moved, ','))
end
