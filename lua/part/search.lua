-- Shared by seat/best and seat/offer: the best `want` seats free in a category, adjacent, near the
-- focus, leaving no single gap; or nil and the largest number that could be had instead.
local function best_of(want)
  local size, base = tonumber(count), tonumber(first)
  if want < 1 then return nil, 0 end
  local states = size > 0 and redis.call('GETRANGE', seat, base, base + size - 1) or ''
  local packed = redis.call('HGET', segment, category) or ''
  local record = 12
  local total = #packed / record
  local function run_at(r)
    local start, length, flags, focus = struct.unpack('>IHHH', packed, (r - 1) * record + 1)
    return start - base, length, flags, focus
  end
  local function run_of(position) -- the run that holds this offset: starts ascend
    local low, high = 1, total
    while low < high do
      local middle = math.floor((low + high + 1) / 2)
      if run_at(middle) <= position then low = middle else high = middle - 1 end
    end
    return low
  end
  -- In one run: the placing nearest the focus that leaves no single free seat beside it, else
  -- the nearest at all.
  local function place_in(start, length, focus)
    local clean, clean_far, any, any_far
    local left, right = 0, 0
    local offset = 0
    while offset < length do
      if string.byte(states, start + offset + 1) ~= 46 then
        offset = offset + 1
      else
        local stop = offset
        while stop < length and string.byte(states, start + stop + 1) == 46 do stop = stop + 1 end
        for at = offset, stop - want do
          left, right = at - offset, stop - at - want
          local far = math.abs(at + (want - 1) / 2 - focus)
          if left ~= 1 and right ~= 1 and (not clean or far < clean_far) then
            clean, clean_far = at, far
          end
          if not any or far < any_far then any, any_far = at, far end
        end
        offset = stop
      end
    end
    return clean, any
  end
  local seats
  local pattern = string.rep('.', want)
  local from, fallback, tried = 1, nil, 0
  while total > 0 and tried < 64 do
    local hit = string.find(states, pattern, from, true)
    if not hit then break end
    local start, length, flags, focus = run_at(run_of(hit - 1))
    if hit - 1 + want > start + length and flags % 2 == 0 then
      from = start + length + 1 -- the free seats cross an aisle: go on behind it
    else
      if flags % 2 == 1 then -- standing room: any free run will do
        if hit - 1 + want <= start + length then
          seats = { hit - 1 }
          break
        end
      end
      local clean, any = nil, nil
      if flags % 2 == 0 then clean, any = place_in(start, length, focus) end
      if clean then
        seats = { start + clean }
        break
      end
      if any then
        fallback = fallback or start + any
        tried = tried + 1
      end
      from = start + length + 1
    end
  end
  if not seats and fallback then seats = { fallback } end
  if seats then
    for i = 1, want - 1 do seats[i + 1] = seats[1] + i end
    for i = 1, want do seats[i] = seats[i] + base end
  end
  local function apart_or_area()
    -- Standing room has no neighbours, and a fan may say that sitting apart is fine.
    local list, at = {}, 0
    while #list < want do
      at = string.find(states, '.', at + 1, true)
      if not at then break end
      local start, length, flags = run_at(run_of(at - 1))
      if apart == '1' or flags % 2 == 1 then
        list[#list + 1] = base + at - 1
      else
        at = start + length
      end
    end
    return list
  end
  local most = 0 -- that could be had instead
  if not seats and total > 0 then
    local list = apart_or_area()
    if #list == want then seats = list else most = #list end
  end
  if not seats then
    for quantity_less = want - 1, most + 1, -1 do
      local at, less = 0, string.rep('.', quantity_less)
      while total > 0 do
        at = string.find(states, less, at + 1, true)
        if not at then break end
        local start, length = run_at(run_of(at - 1))
        if at - 1 + quantity_less <= start + length then return nil, quantity_less end
        at = start + length
      end
    end
    return nil, most
  end
  return seats
end
