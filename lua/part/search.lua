-- Shared by seat/best and seat/offer: the best `want` seats free in a category, adjacent, near the
-- focus, leaving no single gap; or nil and the largest number that could be had instead.
-- It reads one stretch of rows after the other (venue/stretch.py): what a script reads is copied
-- for it, and of 28,000 seats and their rows that alone is 13 us, of a stretch not 2.
local function best_of(want)
  local base, past = tonumber(first), first + count
  if want < 1 or past <= base then return nil, 0 end
  local record = 12
  local entry = 6
  local index = redis.call('HGET', segment, category .. ':')
  local stretches = {}
  -- The n-th stretch, nil behind the last. Bytes of its `states` are counted from 1.
  local function stretch(n)
    local s = stretches[n]
    if s or (index and n * entry > #index) or (not index and n > 1) then return s end
    s = { from = base, last = past - 1, area = true, row = 1 }
    if not index then -- few seats, or laid out before there was an index: all are one stretch
      s.rows = redis.call('HGET', segment, category)
      if not s.rows or s.rows == '' then return nil end
    else
      local from, flags = struct.unpack('>IH', index, (n - 1) * entry + 1)
      local last = n * entry < #index and struct.unpack('>I', index, n * entry + 1) - 1 or s.last
      s.from, s.last, s.area = from, math.min(last, s.last), flags % 2 == 1
      s.field = category .. ':' .. n
    end
    if s.from > s.last then return nil end -- from here on nothing is ever assigned
    s.states = redis.call('GETRANGE', seat, s.from, s.last)
    stretches[n] = s
    return s
  end
  -- The row or area that holds a byte: its first byte, its last one, flags, focus. Bytes are asked
  -- for in ascending order, or `row` is set back to 1 before.
  local function row_at(s, byte)
    s.rows = s.rows or redis.call('HGET', segment, s.field)
    local rows, at, low, step = s.rows, s.from + byte - 1, s.row, 1
    local behind, high = #rows / record + 1, low + 1
    while high < behind and struct.unpack('>I', rows, (high - 1) * record + 1) <= at do
      low, high, step = high, high + step, step * 2
    end
    high = math.min(high, behind)
    while high - low > 1 do
      local middle = math.floor((low + high) / 2)
      if struct.unpack('>I', rows, (middle - 1) * record + 1) <= at then
        low = middle
      else
        high = middle
      end
    end
    s.row = low
    local start, length, flags, focus = struct.unpack('>IHHH', rows, (low - 1) * record + 1)
    return start - s.from + 1, start - s.from + length, flags, focus
  end
  -- In one row: the placing nearest to `ideal` (a byte, or between two) that leaves no single free
  -- seat beside it, and the nearest at all; of two as near the first.
  local pattern = string.rep('.', want)
  local function place_in(row, ideal)
    local clean, any
    local function nearer(here, best)
      if not best or math.abs(here - ideal) < math.abs(best - ideal) then return here end
      return best
    end
    local at = string.find(row, pattern, 1, true)
    while at do
      local behind = string.match(row, '^%.+()', at)
      local last, near = behind - want, math.ceil(ideal - 0.5)
      any = nearer(math.max(at, math.min(near, last)), any)
      if last ~= at + 1 then
        clean = nearer(at, clean)
        if at + 4 <= last then clean = nearer(math.max(at + 2, math.min(near, last - 2)), clean) end
        clean = nearer(last, clean)
      end
      at = string.find(row, pattern, behind, true)
    end
    return clean, any
  end
  local function from_here(s, byte)
    local seats = {}
    for i = 1, want do seats[i] = s.from + byte + i - 2 end
    return seats
  end
  -- Together, without leaving a single seat; after so many rows where that cannot be helped, in
  -- the first of them.
  local fallback, tried, n = nil, 0, 1
  local s = stretch(1)
  while s and tried < 64 do
    local hit = string.find(s.states, pattern, 1, true)
    while hit and tried < 64 do
      local start, stop, flags, focus = row_at(s, hit)
      if hit + want - 1 <= stop then -- else they are on both sides of an aisle
        if flags % 2 == 1 then return from_here(s, hit) end -- standing room: any will do
        local row = string.sub(s.states, start, stop)
        local clean, any = place_in(row, focus + 1 - (want - 1) / 2)
        if clean then return from_here(s, start + clean - 1) end
        fallback = fallback or from_here(s, start + any - 1)
        tried = tried + 1
      end
      hit = string.find(s.states, pattern, stop + 1, true)
    end
    n = n + 1
    s = stretch(n)
  end
  if fallback then return fallback end
  -- Standing room has no neighbours, and a fan may say that sitting apart is fine.
  local list = {}
  n, s = 1, stretch(1)
  while s and #list < want do
    s.row = 1
    local at = (apart == '1' or s.area) and string.find(s.states, '.', 1, true)
    while at and #list < want do
      local behind = at + 1
      local start, stop, flags = at, at, 1
      if apart ~= '1' then start, stop, flags = row_at(s, at) end
      if flags % 2 == 1 then list[#list + 1] = s.from + at - 1 else behind = stop + 1 end
      at = string.find(s.states, '.', behind, true)
    end
    n = n + 1
    s = stretch(n)
  end
  if #list == want then return list end
  -- What could be had: longer and longer runs within a row, until there is none.
  local most = #list
  n, s = 1, stretch(1)
  while s and most < want - 1 do
    s.row = 1
    local at = string.find(s.states, string.rep('.', most + 1), 1, true)
    while at and most < want - 1 do
      local _, stop = row_at(s, at)
      local behind = math.min(string.match(s.states, '^%.+()', at), stop + 1)
      most = math.max(most, behind - at)
      at = string.find(s.states, string.rep('.', most + 1), behind, true)
    end
    n = n + 1
    s = stretch(n)
  end
  return nil, most
end
