// The agent as a process of its own, which outlives whoever started it.
import { spawn } from 'node:child_process';
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OperatorError } from '#base/operator-error.ts';

const LAUNCHER = fileURLToPath(new URL('../../../bin/isthmus.js', import.meta.url));
const TAIL_BYTES = 8 << 10;

export type StartedAgent = {
  readonly pid: number;
  readonly log: string;
  /** Resolves with its last words if it ends. */
  readonly ended: Promise<string>;
  /** No longer keeps this process alive. */
  release(): void;
};

/** @throws OperatorError FILE_UNREADABLE */
export async function startAgent(options: {
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
}): Promise<StartedAgent> {
  const { root, env } = options;
  const log = `${root}/var/log/istio/isthmus-agent.log`;
  const output = await openLog(log);
  try {
    const flags = root === '' ? [] : ['--root', root];
    const child = spawn(process.execPath, [...process.execArgv, LAUNCHER, 'agent', ...flags], {
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
      cwd: '/',
      env,
    });
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', () => void lastWords(log).then(resolve));
    });
    return { pid: child.pid ?? 0, log, ended, release: () => child.unref() };
  } finally {
    await output.close();
  }
}

async function openLog(path: string) {
  try {
    await mkdir(dirname(path), { recursive: true });
    return await open(path, 'a', 0o640);
  } catch (cause) {
    throw new OperatorError('FILE_UNREADABLE', `cannot write ${path}: ${String(cause)}`, {
      remedy: 'run it as root: sudo isthmus vm join …',
      cause,
    });
  }
}

/** What `renderFailure` has written, or the last line at all. */
async function lastWords(path: string): Promise<string> {
  const bytes = await readFile(path).catch(() => Buffer.alloc(0));
  const lines = bytes.subarray(-TAIL_BYTES).toString('utf8').trimEnd().split('\n');
  const start = lines.findLastIndex((line) => /^(error [A-Z_]+:|internal error)/.test(line));
  return (start < 0 ? lines.slice(-1) : lines.slice(start, start + 2)).join('; ').trim();
}
