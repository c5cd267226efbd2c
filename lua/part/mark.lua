-- Gives the runs of neighbours in `seats`, as first, count in turn, and how many seats they are:
-- four seats side by side are one call to the server instead of four. Repeats count once.
local function runs_of(seats)
  local sorted, rising = seats, true
  for i = 2, #seats do rising = rising and seats[i] > seats[i - 1] end
  if not rising then
    sorted = {} -- not by unpack, which a whole hall is too much for
    for i = 1, #seats do sorted[i] = seats[i] end
    table.sort(sorted)
  end
  local runs, n, count = {}, 0, 0
  for i = 1, #sorted do
    local index = sorted[i]
    if index ~= sorted[i - 1] then
      if n > 0 and index == runs[n - 1] + runs[n] then
        runs[n] = runs[n] + 1
      else
        runs[n + 1], runs[n + 2] = index, 1
        n = n + 2
      end
      count = count + 1
    end
  end
  return runs, count
end
-- Writes the characters and tells the feed; its callers count. seat/sweep trims the feed: trimming
-- here would more than double the price of its line.
local function shift(runs, list, to)
  for r = 1, #runs, 2 do
    redis.call('SETRANGE', seat, runs[r], string.rep(to, runs[r + 1]))
  end
  return redis.call('XADD', feed, '*', to, list)
end
-- The only way a seat changes its state, but for a hold's (part/take), which is this with what it
-- has looked at already: characters, counters and feed move together. Seats that are `to` already
-- stay out of it.
local function mark(seats, to)
  local runs, moved, delta = runs_of(seats), {}, {}
  for r = 1, #runs, 2 do
    local states = redis.call('GETRANGE', seat, runs[r], runs[r] + runs[r + 1] - 1)
    for i = 1, #states do
      local from = string.sub(states, i, i)
      if from ~= to then
        delta[from] = (delta[from] or 0) - 1
        moved[#moved + 1] = runs[r] + i - 1
      end
    end
  end
  if #moved == 0 then return end
  shift(runs_of(moved), table.concat(moved, ','), to)
  delta[to] = #moved
  local names = { ['.'] = 'free', h = 'held', c = 'claimed', s = 'sold', x = 'blocked' }
  for state, count in pairs(delta) do redis.call('HINCRBY', gate, names[state], count) end
  -- Seats that come back while people wait are theirs to be offered first: see waitlist/set.
  local listed = to == '.' and redis.call('HGET', gate, 'listed')
  if listed then
    redis.call('HINCRBY', gate, 'list_seq', 1)
    if listed == '0' then redis.call('HSET', gate, 'listed', 2) end
  end
end
