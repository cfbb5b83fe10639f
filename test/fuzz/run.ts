// `npm run fuzz -- TARGET [SECONDS] [--seed N]`: one target for as long as one likes, with noise
// that can be had again. A target is a file `TARGET.fuzz.test.ts`; without one, they are listed.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FUZZ_SECONDS, FUZZ_SEED } from './harness.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SECONDS = 60;

const files = new Map(
  globSync('src/**/*.fuzz.test.ts', { cwd: ROOT })
    .toSorted()
    .map((path) => [basename(path, '.fuzz.test.ts'), path]),
);

function run(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { seed: { type: 'string' } },
  });
  const [target = '', seconds = String(SECONDS)] = positionals;
  const path = files.get(target);
  if (path === undefined || !(Number(seconds) > 0)) {
    process.stdout.write('npm run fuzz -- TARGET [SECONDS of each property] [--seed N]\n\n');
    for (const [name, path] of files) process.stdout.write(`  ${name.padEnd(14)} ${path}\n`);
    return target === '' ? 0 : 2;
  }
  const seed = values.seed ?? String(randomInt(2 ** 31));
  process.stdout.write(`${path}: ${seconds} s for each property, --seed ${seed}\n`);
  const env = { ...process.env, [FUZZ_SECONDS]: seconds, [FUZZ_SEED]: seed };
  const words = ['--disable-warning=ExperimentalWarning', '--test', path];
  return spawnSync(process.execPath, words, { cwd: ROOT, env, stdio: 'inherit' }).status ?? 1;
}

process.exitCode = run();
