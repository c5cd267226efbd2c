-- The server's clock; deadlines never come from a host's. TIME is frozen while a script runs.
local clock = redis.call('TIME')
local now_us = clock[1] * 1000000 + clock[2]
local now_ms = math.floor(now_us / 1000)
