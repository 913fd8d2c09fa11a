function run() {
  let log = "";
  for (let at = 0; at < 8000; at++) log += `2026-11-${10 + (at % 20)} GET /path/${at}?q=${at * 7} 200 ${at % 977}ms\n`;
  const line = /^(\d{4})-(\d\d)-(\d\d) (GET|POST) (\/[^ ?]*)(?:\?([^ ]*))? (\d{3}) (\d+)ms$/gm;
  let total = 0;
  for (const found of log.matchAll(line)) total += +found[8] + found[5].length;
  const words = log.replace(/[a-z]+/gi, (word) => word.toUpperCase());
  return `${total} ${words.length} ${log.split(/\s+/).length} ${(log.match(/(\d)\1/g) ?? []).length}`;
}
