wrk.method = "POST"
wrk.body = '{"type":"web","arguments":{"url":"https://example.com"}}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer the-key-of-the-bench"
