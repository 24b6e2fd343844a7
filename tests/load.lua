-- What `wrk` runs: tests/load.py puts `requests` and `statuses` before it.
local threads = {}

function setup(thread)
  table.insert(threads, thread)
  thread:set("at", #threads * 37)
end

function init(arguments)
  answers, errors, wrong, wrong_at, wrong_status = 0, 0, 0, 0, 0
  is_first, expected = true, 0
end

function request()
  -- wrk reads the first one itself, and ends if it does not know the method.
  if is_first then
    is_first = false
    return "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
  end
  at = at % #requests + 1
  expected = statuses[at]
  return requests[at]
end

function response(status, headers, body)
  answers = answers + 1
  if status >= 500 then errors = errors + 1 end
  if expected ~= 0 and status ~= expected then
    wrong, wrong_at, wrong_status = wrong + 1, at, status
  end
end

function done(summary, latency, requests)
  local total = { answers = 0, errors = 0, wrong = 0, wrong_at = 0, wrong_status = 0 }
  for _, thread in ipairs(threads) do
    for name, count in pairs(total) do
      local more = thread:get(name)
      if name == "wrong_at" or name == "wrong_status" then
        if more ~= 0 then total[name] = more end
      else
        total[name] = count + more
      end
    end
  end
  local lost = summary.errors
  io.write(string.format(
    '\n{"answers": %d, "errors": %d, "unanswered": %d, "wrong": %d, "at": %d, "status": %d}\n',
    total.answers, total.errors, lost.connect + lost.read + lost.write + lost.timeout,
    total.wrong, total.wrong_at, total.wrong_status))
end
