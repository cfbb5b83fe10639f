// The lab's firewall. Inside the lab's sandbox, where its own story and tests run commands, the rule
// goes straight to the router between the regions. From outside it is asked for over a socket.
//
// The contract of that socket: while a lab runs, it listens on the Unix socket that
// $ISTHMUS_LAB_SOCKET names, else on `lab.sock` in the lab's folder, and speaks HTTP/1.1:
//
//   POST /firewall/rules   {"name": …, "from": CIDR, "to": IP, "tcpPort": N}
//     200   the rule is in force (again, where it was: rules are known by their name)
//     4xx   it is not; the body is one sentence
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { withDeadline } from '#base/clock.ts';
import { runCommand } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import { labStateDir } from '#lab/node/image/catalogue-file.ts';
import { isInsideSandbox } from '#lab/sandbox.ts';
import { WORLD } from '#lab/topology.ts';
import { LAB_CHAIN, labRule } from '#reach/firewall/clouds.ts';
import type { Rule } from '#reach/firewall/rule.ts';

type Environment = NodeJS.ProcessEnv;

const ANSWER_LIMIT_MS = 10_000;
const ANSWER_LENGTH_MAX = 10_000;

export function labSocket(env: Environment): string {
  return env['ISTHMUS_LAB_SOCKET'] || join(labStateDir(env), 'lab.sock');
}

export const isLabRunning = (env: Environment): boolean =>
  isInsideSandbox(env) || existsSync(labSocket(env));

/** @throws OperatorError LAB_FAILED when there is no lab, or when it refuses */
export async function applyInLab(rule: Rule, env: Environment, signal: AbortSignal): Promise<void> {
  if (isInsideSandbox(env)) return await applyOnRouter(rule);
  const socketPath = labSocket(env);
  const options = { what: 'the lab', limitMs: ANSWER_LIMIT_MS, parent: signal };
  const { status, body } = await withDeadline(options, (limit) => post(socketPath, rule, limit));
  if (status !== 200) throw refused(body.trim());
}

const refused = (reason: string): OperatorError =>
  new OperatorError('LAB_FAILED', `the lab refused the rule: ${reason}`, {
    remedy: 'give addresses of the lab: "isthmus demo" shows them',
  });

/** A rule that is there already is not put there twice: it is known by its comment. */
async function applyOnRouter(rule: Rule): Promise<void> {
  const present = await nft(`list chain ${LAB_CHAIN}`);
  if (present.includes(`comment "${rule.name}"`)) return;
  await nft(labRule(rule));
}

async function nft(command: string): Promise<string> {
  const words = [`--net=/run/netns/${WORLD}`, 'nft', '-f', '-'];
  const { status, stdout, stderr } = await runCommand('nsenter', words, { input: `${command}\n` });
  if (status === 0) return stdout;
  throw refused(stderr.trim().split('\n')[0] ?? `status ${status}`);
}

async function post(
  socketPath: string,
  rule: Rule,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly body: string }> {
  const headers = { 'content-type': 'application/json' };
  const call = request({ socketPath, method: 'POST', path: '/firewall/rules', headers, signal });
  call.end(JSON.stringify(rule));
  try {
    const [response]: IncomingMessage[] = await once(call, 'response');
    let body = '';
    response?.setEncoding('utf8');
    for await (const text of response ?? []) body = `${body}${text}`.slice(0, ANSWER_LENGTH_MAX);
    return { status: response?.statusCode ?? 0, body };
  } catch (cause) {
    signal.throwIfAborted();
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new OperatorError('LAB_FAILED', `no lab answers on ${socketPath}: ${problem}`, {
      remedy: 'start one with "isthmus demo", or leave --apply out',
      cause,
    });
  }
}
