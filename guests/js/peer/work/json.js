function run() {
  const rows = [];
  for (let id = 0; id < 4000; id++) {
    rows.push({ id, name: `user ${id}`, tags: ["a", "b", String(id % 7)], at: { x: id / 3, y: -id }, on: id % 2 === 0 });
  }
  let text = JSON.stringify(rows);
  let sum = 0;
  for (let round = 0; round < 8; round++) {
    const read = JSON.parse(text);
    for (const row of read) sum += row.tags.length + (row.on ? 1 : 0);
    text = JSON.stringify(read);
  }
  return `${sum} ${text.length}`;
}
