// `npm test`: the whole truth, the same here and in CI. Types, lint and format first because they
// are quick and explain most failures; then every test file under src/ and test/.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Two cores. Each lab is in namespaces of its own. */
const SIDE_BY_SIDE = 2;
/** What measures, and would measure its neighbour. */
const ALONE = [
  'test/e2e/{flows,lab-limits}.test.ts',
  'test/browser/lab-{map,workloads}.test.ts',
] as const;
/** Many times what the longest file takes: what hangs is a failure, not a wait. */
const FILE_LIMIT_MS = 300_000;
const LABS = ['test/{e2e,envoy,grpc}/**/*.test.ts', 'test/browser/lab-*.test.ts'] as const;
const UNIT_TESTS = ['{src,library,console/src}/**/*.test.ts', 'test/tidy/*.test.ts'];

type Step = { readonly title: string; readonly command: string; readonly args: readonly string[] };

function testStep(title: string, patterns: readonly string[], concurrency: number): Step {
  const alone = new Set(concurrency === 1 ? [] : globSync([...ALONE], { cwd: ROOT }));
  const all = globSync([...patterns], { cwd: ROOT }).toSorted();
  const files = all.filter((file) => !alone.has(file));
  if (files.length === 0) throw new Error(`${title}: no test file matches ${patterns.join(' ')}`);
  const limits = [`--test-concurrency=${concurrency}`, `--test-timeout=${FILE_LIMIT_MS}`];
  const args = ['--test', ...limits, '--test-reporter=spec', ...files];
  return {
    title,
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', ...args],
  };
}

function steps(): Step[] {
  return [
    { title: 'types', command: 'tsc', args: [] },
    { title: 'console types', command: 'tsc', args: ['--project', 'console'] },
    { title: 'browser test types', command: 'tsc', args: ['--project', 'test/browser'] },
    { title: 'lint', command: 'oxlint', args: ['--type-aware', '--deny-warnings'] },
    { title: 'format', command: 'oxfmt', args: ['--check'] },
    testStep('unit', UNIT_TESTS, SIDE_BY_SIDE),
    testStep('browser', ['test/browser/!(lab-*).test.ts'], SIDE_BY_SIDE),
    testStep('lab', [...LABS], SIDE_BY_SIDE),
    testStep('alone', [...ALONE], 1),
  ];
}

const [only] = process.argv.slice(2);
const failed: string[] = [];
for (const { title, command, args } of steps()) {
  if (only && only !== title) continue;
  const startMs = performance.now();
  process.stdout.write(`\n── ${title}\n`);
  const { status } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit' });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  process.stdout.write(`── ${title}: ${status === 0 ? 'ok' : 'FAILED'} in ${seconds} s\n`);
  if (status !== 0) failed.push(title);
}
process.stdout.write(
  failed.length ? `\nnpm test: FAILED: ${failed.join(', ')}\n` : '\nnpm test: ok\n',
);
process.exitCode = failed.length ? 1 : 0;
