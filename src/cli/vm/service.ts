// The agent as a service of this machine's systemd: written, enabled, started, and watched for as
// long as somebody waits for it.
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentConfig } from '#agent/config.ts';
import { systemClock, type Clock } from '#base/clock.ts';
import { runCommand, type CommandResult } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import { printable } from '#base/printable.ts';
import { renderUnit, UNIT_NAME, UNIT_PLACE } from '#registry/vm/unit.ts';
import { placeFiles } from './place-files.ts';
import type { StartedAgent } from './start-agent.ts';

const LAUNCHER = fileURLToPath(new URL('../../../bin/isthmus.js', import.meta.url));
/** Made by systemd where it is the machine's first program (sd_booted(3)). */
const BOOTED = '/run/systemd/system';
/** Of systemd's own groups: whose members read the logs in /var/log. */
const LOG_READERS = 'adm';
/** Settings that the agent reads from its environment, beside those in its files. */
const SETTINGS = /^(?:(?:ISTHMUS|ISTIO)_[A-Z0-9_]+|ENVOY_STATUS_PORT|PATH)$/;
const LOOK_INTERVAL_MS = 500;
const WORDS_LENGTH_MAX = 500;

export type ServiceTools = {
  /** Tests give their own. */
  readonly clock?: Clock;
  readonly run?: typeof runCommand;
  /** Before every path; empty: this machine's own. */
  readonly root?: string;
};

/** Does systemd run this machine? */
export async function runsSystemd(root = ''): Promise<boolean> {
  const found = await stat(`${root}${BOOTED}`).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

/**
 * Writes the unit, enables it and starts it.
 *
 * @throws OperatorError FILE_UNREADABLE, TOOL_MISSING, SERVICE_FAILED
 */
export async function startService(
  { config, env }: { readonly config: AgentConfig; readonly env: NodeJS.ProcessEnv },
  tools: ServiceTools = {},
): Promise<StartedAgent> {
  const { root = '' } = tools;
  const writable = writtenBy(config);
  for (const path of writable) await mkdir(`${root}${path}`, { recursive: true });
  const groups = (await hasGroup(LOG_READERS, root)) ? [LOG_READERS] : [];
  const command = [process.execPath, ...process.execArgv, LAUNCHER, 'agent'];
  const content = renderUnit({ command, environment: settingsIn(env), writable, groups });
  const file = { name: UNIT_NAME, content, mode: 0o644, place: UNIT_PLACE, isAppended: false };
  await placeFiles([file], root);
  await systemctl(['daemon-reload'], tools);
  await systemctl(['enable', '--now', UNIT_NAME], tools);
  const { pid } = await look(tools);
  const released = new AbortController();
  return {
    pid,
    log: `journalctl -u ${UNIT_NAME}`,
    ended: untilEnded(tools, released.signal),
    release: () => released.abort(),
  };
}

/**
 * Is this agent the service's? Several machines of a lab see one systemd.
 *
 * @param pid 0: none runs, and neither does the service's
 * @throws OperatorError TOOL_MISSING, SERVICE_FAILED
 */
export async function isService(pid: number, tools: ServiceTools = {}): Promise<boolean> {
  const { root = '' } = tools;
  const unit = await stat(`${root}${UNIT_PLACE}`).catch(() => undefined);
  if (!unit || !(await runsSystemd(root))) return false;
  return (await look(tools)).pid === pid;
}

/** @throws OperatorError TOOL_MISSING, SERVICE_FAILED */
export async function endService(tools: ServiceTools = {}): Promise<void> {
  await systemctl(['disable', '--now', UNIT_NAME], tools);
  await rm(`${tools.root ?? ''}${UNIT_PLACE}`, { force: true });
  await systemctl(['daemon-reload'], tools);
}

function writtenBy({ paths, credentials, grpcBootstrapFile }: AgentConfig): readonly string[] {
  const { stateDir, proxyDir, logDir } = paths;
  const files = grpcBootstrapFile === undefined ? [] : [dirname(grpcBootstrapFile)];
  const certificates = credentials.outputCertsDir;
  const all = [stateDir, proxyDir, logDir, ...files, ...(certificates ? [certificates] : [])];
  return [...new Set(all)];
}

const settingsIn = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value !== undefined && SETTINGS.test(name) ? [[name, value]] : [],
    ),
  );

async function hasGroup(name: string, root: string): Promise<boolean> {
  const groups = await readFile(`${root}/etc/group`, 'utf8').catch(() => '');
  return groups.split('\n').some((line) => line.startsWith(`${name}:`));
}

async function systemctl(
  words: readonly string[],
  { run = runCommand }: ServiceTools,
): Promise<CommandResult> {
  const result = await run('systemctl', words);
  if (result.status === 0) return result;
  const reason = printable(result.stderr.trim().split('\n')[0] ?? '', WORDS_LENGTH_MAX);
  throw new OperatorError('SERVICE_FAILED', `systemctl ${words.join(' ')}: ${reason}`, {
    remedy: `see systemctl status ${UNIT_NAME}, or join with --no-service`,
  });
}

type Look = { readonly pid: number; readonly restarts: number; readonly isRunning: boolean };

async function look(tools: ServiceTools): Promise<Look> {
  const asked = ['MainPID', 'NRestarts', 'ActiveState'].map((name) => `--property=${name}`);
  const { stdout } = await systemctl(['show', UNIT_NAME, ...asked], tools);
  const said = new Map(stdout.split('\n').map((line) => splitOnce(line)));
  return {
    pid: Number(said.get('MainPID') ?? 0),
    restarts: Number(said.get('NRestarts') ?? 0),
    isRunning: said.get('ActiveState') === 'active',
  };
}

const splitOnce = (line: string): readonly [string, string] => {
  const at = line.indexOf('=');
  return [line.slice(0, at), line.slice(at + 1).trim()];
};

/** systemd starts it again and again: the first end is what counts. @returns its last words */
async function untilEnded(tools: ServiceTools, signal: AbortSignal): Promise<string> {
  try {
    for (;;) {
      await (tools.clock ?? systemClock).sleep(LOOK_INTERVAL_MS, signal);
      const { restarts, isRunning } = await look(tools);
      if (!isRunning || restarts > 0) return await lastWords(tools);
    }
  } catch (error) {
    if (signal.aborted) return await new Promise(() => undefined); // nobody waits for it
    return error instanceof Error ? error.message : String(error);
  }
}

/** What `renderFailure` has written, or the last line at all. */
async function lastWords({ run = runCommand }: ServiceTools): Promise<string> {
  const args = ['--unit', UNIT_NAME, '--lines', '40', '--output', 'cat', '--no-pager', '--quiet'];
  const { stdout } = await run('journalctl', args);
  const lines = stdout.trimEnd().split('\n');
  const start = lines.findLastIndex((line) => /^(error [A-Z_]+:|internal error)/.test(line));
  const words = start < 0 ? lines.slice(-1) : lines.slice(start, start + 2);
  return printable(words.join('; ').trim(), WORDS_LENGTH_MAX);
}
