-- What wrk found, as a line of JSON among its own. Its latencies are in microseconds.
function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    '{"seconds":%f,"requests":%d,"errors":%d,"p99Ms":%f}\n', summary.duration / 1e6, summary.requests,
    failed.connect + failed.read + failed.write + failed.status + failed.timeout, latency:percentile(99) / 1e3))
end
