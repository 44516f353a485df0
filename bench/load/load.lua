-- wrk's requests, each unlike the others, five in a session. After SECONDS no more are sent, and those that are on
-- their way have the rest of wrk's time to end: so nothing is cut off, and what was asked can be counted exactly.
-- Environment:
--   FORMAT      chat | responses | messages
--   HISTORY_KB  that a session begins with. Then it has 25 calls, of which each sends back all that was said before it
--   MESSAGE_KB  of the question itself (about a third of a KB without)
--   STREAM=1, KEY (bearer), EXTRA (headers, as name=value;name=value)
local ffi = require("ffi")
ffi.cdef [[ typedef struct { long s, ns; } instant; int clock_gettime(int clock, instant *into); ]]
local instant = ffi.new("instant")
local function now()
  ffi.C.clock_gettime(1, instant)
  return tonumber(instant.s) + tonumber(instant.ns) / 1e9
end

local key = os.getenv("KEY") or "sk-bench"
local form = os.getenv("FORMAT") or "chat"
local stream = os.getenv("STREAM") == "1"
local kb = tonumber(os.getenv("HISTORY_KB") or "0")
local size = math.floor(1024 * tonumber(os.getenv("MESSAGE_KB") or "0"))
local seconds = tonumber(os.getenv("SECONDS") or "1")
local words = { "river", "museum", "winter", "train", "garden", "bridge", "market", "island", "letter", "mountain",
  "harbour", "window", "silver", "journey", "forest", "evening", "castle", "number", "village", "summer" }

local function text(length)
  local parts, made = {}, 0
  while made < length do
    local word = words[math.random(#words)]
    parts[#parts + 1] = word
    made = made + #word + 1
  end
  return table.concat(parts, " ")
end

local run = string.format("%.3f", now())
math.randomseed(7)
-- So many sessions go on in turn, more than there are connections: a call is asked when the one before it is answered.
local SESSIONS = 64
local CALLS = kb > 0 and 25 or 5
-- As the provider says it (mock.c).
local ANSWER = "The capital of France is Paris. It lies on the river Seine in the north of the country, and it has been "
  .. "the seat of government for most of the time since the tenth century."
-- Sessions begin with one of these.
local POOL = 20
local histories = {}
for i = 1, POOL do
  local parts = {}
  for n = 1, kb do
    parts[n] = string.format(',{"role":"%s","content":"%s"}', n % 2 == 1 and "user" or "assistant", text(960))
  end
  histories[i] = table.concat(parts)
end
local system = text(430)
local book = text(2 * math.max(size, 65536))
local function question(n)
  local length = size > 0 and size or 300
  local start = (n * 977) % (#book - length) + 1
  return run .. " " .. n .. " " .. string.sub(book, start, start + length - 1)
end

local headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. key,
  ["User-Agent"] = "OpenAI/Python 1.99.0", ["Accept"] = "application/json" }
for name, value in string.gmatch(os.getenv("EXTRA") or "", "([^=;]+)=([^;]+)") do headers[name] = value end
local ask = {
  chat = { "/v1/chat/completions", '{"model":"gpt-4o-mini","messages":[{"role":"system","content":"' .. system .. '"}',
    ',"temperature":0.7,"max_tokens":512' .. (stream and ',"stream":true,"stream_options":{"include_usage":true}' or '')
    .. ',"metadata":{"litellm_session_id":"bench-' },
  responses = { "/v1/responses", '{"model":"gpt-4o-mini","instructions":"' .. system
    .. '","input":[{"role":"user","content":"Hello."}',
    ',"max_output_tokens":512,"metadata":{"litellm_session_id":"bench-' },
  messages = { "/v1/messages", '{"model":"claude-haiku-4-5","system":"' .. system
    .. '","messages":[{"role":"user","content":"Hello."},{"role":"assistant","content":"Hello."}',
    ',"max_tokens":512,"metadata":{"user_id":"bench-' },
}
local path, before, after = unpack(ask[form])

-- What was said in each of the sessions that go on, since it began.
local said = {}
local function again(place, turn, asked)
  if kb == 0 then return "" end
  local before = turn > 0 and said[place] or ""
  said[place] = before .. ',{"role":"user","content":"' .. asked .. '"},{"role":"assistant","content":"' .. ANSWER .. '"}'
  return histories[place % POOL + 1] .. before
end

local until_
asked = -1 -- wrk tries `request` once before it begins
request = function()
  local time = now()
  until_ = until_ or time + seconds
  if time >= until_ then return "" end
  asked = asked + 1
  local place, nth = asked % SESSIONS, math.floor(asked / SESSIONS)
  local session = place + SESSIONS * math.floor(nth / CALLS)
  local new = question(asked)
  return wrk.format("POST", path, headers, before .. again(place, nth % CALLS, new) .. ',{"role":"user","content":"'
    .. new .. '"}]' .. after .. run .. "-" .. session .. '"}}')
end

local threads = {}
setup = function(thread) threads[#threads + 1] = thread end

done = function(summary, latency)
  local sent = 0
  for _, thread in ipairs(threads) do sent = sent + thread:get("asked") end
  local e = summary.errors
  io.write(string.format('JSON {"sent":%d,"requests":%d,"failed":%d,"p50_ms":%f,"p99_ms":%f}\n', sent,
    summary.requests, e.status + e.connect + e.read + e.write + e.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
