// For a program that wants to run inside the lab: it calls this first and goes on only inside.
import { isInsideSandbox, runInSandbox } from './sandbox.ts';

/**
 * Outside, runs this very program again, same arguments, inside a new sandbox and ends with its
 * exit status; inside, returns. A test file does so before its first test: the runner then reads
 * the inner process's report.
 */
export async function enterSandbox(id?: string): Promise<void> {
  if (isInsideSandbox(process.env)) return;
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const options = { env: process.env, signal: stop.signal, ...(id !== undefined && { id }) };
  process.exit(await runInSandbox(again, options));
}
