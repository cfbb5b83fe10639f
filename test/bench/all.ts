// `npm run bench`: every benchmark that has limits, one after the other. Their figures as one JSON
// document on standard output; exit status 1 when a limit was missed or a benchmark failed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/** Each prints JSON with what it `missed`. */
const BENCHMARKS = ['xds', 'applied', 'data', 'flows', 'telemetry'] as const;

type Outcome = { readonly passed: boolean; readonly figures: unknown };

async function run(name: string): Promise<Outcome> {
  process.stderr.write(`── ${name}\n`);
  const program = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const output = await text(child.stdout);
  const [status]: unknown[] = await closed;
  const figures: unknown = output === '' ? null : JSON.parse(output);
  return { passed: status === 0, figures };
}

const outcomes: [string, Outcome][] = [];
for (const name of BENCHMARKS) outcomes.push([name, await run(name)]);
process.stdout.write(`${JSON.stringify(Object.fromEntries(outcomes), null, 2)}\n`);
process.exitCode = outcomes.every(([, { passed }]) => passed) ? 0 : 1;
