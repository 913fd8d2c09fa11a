// Count, smallest, largest and mean of the numbers in the input, as JSON: a module that speaks the
// `sealwork` interface (docs/programs.md) and uses no WASI.

@external("sealwork", "input_len") declare function inputLen(): i32;
@external("sealwork", "input_read") declare function inputRead(offset: i32, to: usize, len: i32): i32;
@external("sealwork", "output") declare function output(from: usize, len: i32): void;
@external("sealwork", "log") declare function log(from: usize, len: i32): void;

function input(): string {
  const bytes = new ArrayBuffer(inputLen());
  inputRead(0, changetype<usize>(bytes), bytes.byteLength);
  return String.UTF8.decode(bytes);
}

function say(text: string, where: (from: usize, len: i32) => void): void {
  const bytes = String.UTF8.encode(text);
  where(changetype<usize>(bytes), bytes.byteLength);
}

/** 0, or 1 when there is nothing to count. */
export function run(): i32 {
  const words = input().split("\n").join(" ").split(",").join(" ").split(" ");
  let count = 0;
  let sum = 0.0;
  let min = Infinity;
  let max = -Infinity;
  for (let at = 0; at < words.length; at++) {
    if (words[at].length == 0) continue;
    const number = parseFloat(words[at]);
    if (isNaN(number)) {
      say("not a number: " + words[at], log);
      continue;
    }
    count++;
    sum += number;
    min = Math.min(min, number);
    max = Math.max(max, number);
  }
  if (count == 0) return 1;
  const mean = sum / count;
  say(`{"count":${count},"min":${min},"max":${max},"mean":${mean}}`, output);
  return 0;
}
