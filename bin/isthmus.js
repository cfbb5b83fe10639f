#!/usr/bin/env node
// Finds the Node that setup installed and runs the CLI under it with the settings that keep a small
// process small (measured: 109 MB → 67 MB for an agent): a compile cache and a small semi-space.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module'; // Node 20 has no enableCompileCache to name here
import { fileURLToPath } from 'node:url';

const packaged = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
/** A megabyte for what shares a machine with a workload; a control plane gains more than it costs. */
const semiSpaceMb = process.argv[2] === 'isthmusd' ? 4 : 1;
const FLAGS = [`--max-semi-space-size=${semiSpaceMb}`, '--disable-warning=ExperimentalWarning'];
const hasFlags = process.execArgv.some((flag) => flag.startsWith('--max-semi-space-size='));

if (hasFlags && process.versions.node.startsWith('24.')) {
  nodeModule.enableCompileCache(
    fileURLToPath(new URL('../.isthmus/compile-cache', import.meta.url)),
  );
  await import(main);
} else if (existsSync(packaged) || process.versions.node.startsWith('24.')) {
  const node = existsSync(packaged) ? packaged : process.execPath;
  const self = fileURLToPath(import.meta.url);
  const child = spawn(node, [...FLAGS, self, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => child.kill(signal));
  child.on('exit', (status, signal) => {
    if (signal) process.kill(process.pid, signal);
    process.exitCode = status ?? 1;
  });
} else {
  process.stderr.write('isthmus needs Node 24, which `npm run setup` installs: run that first\n');
  process.exitCode = 1;
}
