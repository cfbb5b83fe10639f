// The agent's control socket: how `isthmus agent leave` speaks to a running agent, and how a second
// agent finds out that there is one. A Unix socket in a directory that only its owner may enter.
import { once } from 'node:events';
import { request } from 'node:http';
import { OperatorError } from '#base/operator-error.ts';
import { answer, type HttpHandler } from './http-server.ts';
import { reasonOf } from './files.ts';

/** Runs the leave; each line it reports goes to whoever asked. */
export type Leave = (report: (line: string) => void) => Promise<void>;

/** Says last in a whole answer: without it the agent has died on the way. */
const DONE = 'done';
const FAILED = 'failed: ';

/** @param onDone called when the leave is done and whoever asked has been told */
export function createControlHandler(leave: Leave, onDone: () => void): HttpHandler {
  return async (call, response) => {
    if (call.method !== 'POST' || call.url !== '/leave') {
      return answer(response, call.url === '/' ? 200 : 404, `${process.pid}\n`);
    }
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
    try {
      await leave((line) => response.write(`${line}\n`));
      const told = response.destroyed ? undefined : once(response, 'close');
      response.end(`${DONE}\n`);
      await told;
      onDone();
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      response.end(`${FAILED}${error.message}; ${error.remedy}\n`);
    }
  };
}

/** The process of the agent that answers on the socket; undefined: none does. */
export async function agentPid(socketPath: string): Promise<number | undefined> {
  let pid = '';
  const isThere = await exchange(socketPath, 'GET', '/', (line) => (pid = line));
  return isThere ? Number(pid) : undefined;
}

/** @throws OperatorError ADDRESS_IN_USE when an agent answers on the socket */
export async function assertNoOtherAgent(socketPath: string): Promise<void> {
  const pid = await agentPid(socketPath);
  if (pid === undefined) return;
  throw new OperatorError('ADDRESS_IN_USE', `an agent runs here already (pid ${pid})`, {
    remedy: 'end it first: its Envoy and its sessions stay',
  });
}

/**
 * Asks a running agent to leave the mesh.
 *
 * @returns false when there is none to ask
 * @throws OperatorError CAPTURE_FAILED when it could not, or has died meanwhile
 */
export async function askToLeave(
  socketPath: string,
  report: (line: string) => void,
): Promise<boolean> {
  let last = '';
  const isThere = await exchange(socketPath, 'POST', '/leave', (line) => {
    last = line;
    if (line !== DONE && !line.startsWith(FAILED)) report(line);
  });
  if (!isThere || last === DONE) return isThere;
  const reason = last.startsWith(FAILED) ? last.slice(FAILED.length) : 'the agent ended meanwhile';
  throw new OperatorError('CAPTURE_FAILED', `leaving did not work: ${reason}`, {
    remedy: 'run `isthmus agent leave` again: it goes on where this one stopped',
  });
}

/** @returns false when nobody listens on the socket */
function exchange(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  onLine: (line: string) => void,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method, path, agent: false }, (response) => {
      let rest = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        const lines = `${rest}${text}`.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) onLine(line);
      });
      response.on('error', () => resolve(true)); // cut off: the last line tells
      response.on('end', () => resolve(true));
    });
    call.on('error', (error) => {
      const isNobody = 'code' in error && ABSENT.has(String(error.code));
      if (isNobody) return resolve(false);
      return reject(
        new Error(`control socket ${socketPath}: ${reasonOf(error)}`, { cause: error }),
      );
    });
    call.end();
  });
}

const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ECONNREFUSED']);
