-- GCRA: the one number of a bucket is the time at which it is whole again, in microseconds of Redis's clock.
-- KEYS[1] the bucket; ARGV[1] microseconds for one call, ARGV[2] calls at once.
-- Answers: calls that are left, microseconds until whole, microseconds until the next call (-1: this one was taken).
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local whole = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
-- A clock that was set back leaves nobody waiting for longer than a whole bucket takes.
whole = math.min(whole, now + interval * burst)
local taken = whole + interval
local wait = taken - interval * burst - now
if wait > 0 then
  return {0, whole - now, wait}
end
redis.call('SET', KEYS[1], string.format('%.0f', taken), 'PX', math.ceil((taken - now) / 1000))
return {math.floor(-wait / interval), taken - now, -1}
