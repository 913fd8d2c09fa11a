// Runs the verifier, built for WASI, over cases, and compares its verdicts with those of the native
// build: node run.mjs VERIFY.wasm CASES-FOLDER
import { closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WASI } from 'node:wasi';

const [wasm, cases] = process.argv.slice(2);
const module = await WebAssembly.compile(readFileSync(wasm));
const folder = mkdtempSync(join(tmpdir(), 'verdicts-'));
let wrong = 0;
let count = 0;
for (const name of readdirSync(cases).sort()) {
  const output = join(folder, name);
  const stdin = openSync(join(cases, name), 'r');
  const stdout = openSync(output, 'w');
  const wasi = new WASI({ version: 'preview1', stdin, stdout, returnOnExit: true });
  const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
  const code = wasi.start(instance);
  closeSync(stdin);
  closeSync(stdout);
  const verdict = code === 0 ? JSON.parse(readFileSync(output, 'utf8')) : { reasons: [] };
  const codes = (verdict.reasons ?? []).map((reason) => reason.code);
  const found = codes.filter((code, n) => code !== codes[n - 1]);
  const { expected } = JSON.parse(readFileSync(join(cases, name), 'utf8'));
  const same = code === 0 && JSON.stringify(found) === JSON.stringify(expected);
  console.log(`${same ? 'same' : 'DIFFERENT'} ${name}: ${verdict.verdict} ${found.join(' ')}`);
  wrong += same ? 0 : 1;
  count += 1;
}
rmSync(folder, { recursive: true });
console.log(`${count} cases, ${wrong} different`);
process.exit(wrong === 0 && count > 0 ? 0 : 1);
