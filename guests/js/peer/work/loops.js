function run() {
  const limit = 600000;
  const composite = new Uint8Array(limit + 1);
  let primes = 0;
  for (let at = 2; at <= limit; at++) {
    if (composite[at]) continue;
    primes++;
    for (let multiple = at * 2; multiple <= limit; multiple += at) composite[multiple] = 1;
  }
  let hash = 0;
  for (let at = 0; at < 2000000; at++) hash = (Math.imul(hash, 31) + at) | 0;
  const fibonacci = (n) => (n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2));
  return `${primes} ${hash} ${fibonacci(23)}`;
}
