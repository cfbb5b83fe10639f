// `isthmus`: one program for everything that runs in the mesh or looks at it.
import { renderFailure } from '#base/operator-error.ts';
import { runCli } from './run.ts';

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => stop.abort(new DOMException(`ended by ${name}`, 'AbortError')));
}
try {
  process.exitCode = await runCli(process.argv.slice(2), {
    env: process.env,
    signal: stop.signal,
    print: (text) => void process.stdout.write(`${text}\n`),
  });
} catch (error) {
  const { text, exitStatus } = renderFailure(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = exitStatus;
}
