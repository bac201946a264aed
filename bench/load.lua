-- For wrk: sends the requests of a file in turn, from its first to its last and again, and says
-- at the end what load.py reads. Each is in the file as two lengths, a line break, bytes so long;
-- between the two goes the number of what is sent, unless there is nothing after it.
local requests, rests, sent = {}, {}, 0

function init(arguments)
   local file = assert(io.open(arguments[1], "rb"))
   while true do
      local before, after = file:read("*n", "*n")
      if not before then break end
      file:read(1)
      local number = #requests + 1
      requests[number] = file:read(before)
      rests[number] = after > 0 and file:read(after)
   end
   file:close()
end

function request()
   local at = sent % #requests + 1
   sent = sent + 1
   local rest = rests[at]
   return rest and requests[at] .. sent .. rest or requests[at]
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      'RESULT {"requests": %d, "seconds": %.6f, "errors": %d, "p50": %.3f, "p95": %.3f, "p99": %.3f}\n',
      summary.requests, summary.duration / 1e6,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout,
      latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
