// `isthmus vm join`: this machine into the mesh, by a token.
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { text as readAll } from 'node:stream/consumers';
import { describeMachine } from '#agent/attend/build.ts';
import { assertNoOtherAgent } from '#agent/control.ts';
import { findEnvoy } from '#agent/envoy/process.ts';
import { nodeAddress } from '#agent/node-address.ts';
import { readAgentConfig } from '#agent/main.ts';
import { agentFiles } from '#agent/paths.ts';
import { parseDurationMs } from '#agent/settings.ts';
import type { Join } from '#api/joins.ts';
import { createCertificateRequest, createWorkloadKey, renderPrivateKey } from '#ca/csr.ts';
import { withDeadline } from '#base/clock.ts';
import { usageError } from '#base/flags.ts';
import { OperatorError } from '#base/operator-error.ts';
import { vmFiles } from '#registry/vm/files.ts';
import type { Surroundings } from '../command.ts';
import { parseJoinTarget, type JoinTarget } from '../vm/address.ts';
import { placeFiles } from '../vm/place-files.ts';
import { fetchPinnedRoot, JoinLine } from '../vm/redeem.ts';
import { runsSystemd, startService } from '../vm/service.ts';
import { startAgent, type StartedAgent } from '../vm/start-agent.ts';
import { StepPrinter } from '../vm/steps.ts';

type JoinCall = Surroundings & {
  readonly operands: readonly string[];
  readonly flags: {
    readonly 'token-file': string | undefined;
    readonly root: string | undefined;
    readonly wait: boolean;
    readonly 'no-service': boolean;
    readonly timeout: string;
  };
};

const USAGE = 'isthmus vm join TOKEN@ADDRESS, or --token-file FILE; all of it: --help';
const TOKEN_FILE_LENGTH_MAX = 4_096;
/** Index of the last step that is the machine's own. */
const HEALTHY = 7;

/**
 * @throws OperatorError USAGE, ADDRESS_IN_USE (an agent runs here), TOOL_MISSING, FILE_UNREADABLE,
 *   CONTROL_PLANE_UNREACHABLE, IDENTITY_REFUSED, ENVOY_FAILED, SERVICE_FAILED
 */
export async function runVmJoin(call: JoinCall): Promise<number> {
  const { flags, env, signal, print } = call;
  const target = await readTarget(call);
  process.title = 'isthmus vm join'; // the token is no longer in what `ps` shows
  const limitMs = parseDurationMs(flags.timeout);
  if (limitMs === undefined) throw usageError(`--timeout ${flags.timeout} is no duration`, USAGE);
  const root = (flags.root ?? '').replace(/\/+$/, '');
  await assertReady(root, env);
  const rootPem = await fetchPinnedRoot(target, signal);
  const key = createWorkloadKey();
  const machine = {
    ...describeMachine(),
    csrPem: createCertificateRequest(key),
    hostname: hostname(),
  };
  const own = await nodeAddress(undefined, [target]);
  const addresses = [own, ...machine.addresses.filter((address) => address !== own)];
  await using line = new JoinLine(target, rootPem, { ...machine, addresses });
  const facts = await line.facts();
  const { namespace, name } = facts.entry;
  print(`${namespace}/${facts.service} joins as WorkloadEntry ${name} (${facts.entry.address})`);
  const printer = new StepPrinter(print);
  line.follow((join) => printer.show(join));
  const { chainPem, ...told } = facts;
  const credential = { kind: 'certificate', keyPem: renderPrivateKey(key), chainPem } as const;
  const way = { gateway: target.host, gatewayPort: target.port, serviceCidr: '*' };
  await placeFiles(vmFiles({ ...told, ...way, credential }), root);
  const agent = await start(call, root);
  const end = isHealthy(flags.wait);
  const limit = { what: 'joining', limitMs, parent: signal };
  const outcome = await withDeadline(limit, (limited) =>
    watch({ line, agent, printer, end }, limited),
  ).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof DOMException && error.name === 'TimeoutError') return 'late' as const;
    throw error;
  });
  agent.release();
  return tell(outcome, { agent, print, name: `${facts.service} -n ${namespace}` });
}

/** As a service where systemd runs the machine, else in the background of this start of it. */
async function start({ flags, env, print }: JoinCall, root: string): Promise<StartedAgent> {
  const isService = !flags['no-service'] && root === '' && (await runsSystemd());
  if (isService) {
    return await startService({ config: readAgentConfig([], env), env });
  }
  if (!flags['no-service'] && root === '') print(NO_SERVICE);
  return await startAgent({ root, env });
}

const NO_SERVICE =
  'no systemd runs this machine: the agent runs until the next start of it; have yours start it';

/** From the line, or from a file or standard input, which no history and no `ps` shows. */
async function readTarget({ operands, flags }: JoinCall): Promise<JoinTarget> {
  const [given] = operands;
  const path = flags['token-file'];
  if ((given === undefined) === (path === undefined)) {
    throw usageError('give TOKEN@ADDRESS or --token-file, one of them', USAGE);
  }
  if (path === undefined) return parseJoinTarget(given ?? '');
  try {
    const text = path === '-' ? await readAll(process.stdin) : await readFile(path, 'utf8');
    return parseJoinTarget(text.slice(0, TOKEN_FILE_LENGTH_MAX));
  } catch (cause) {
    if (cause instanceof OperatorError) throw cause;
    throw new OperatorError('FILE_UNREADABLE', `cannot read ${path}: ${String(cause)}`, {
      remedy: 'name the file that has the line TOKEN@ADDRESS in it',
      cause,
    });
  }
}

/** What would fail later fails before the token is used. */
async function assertReady(root: string, env: NodeJS.ProcessEnv): Promise<void> {
  const istio = env['ISTIO_CFG'] ?? `${root}/var/lib/istio`;
  const paths = { stateDir: `${istio}/data`, proxyDir: `${istio}/proxy`, logDir: '' };
  await assertNoOtherAgent(agentFiles(paths).controlSocket);
  await findEnvoy(env['ISTHMUS_ENVOY'], env['PATH'] ?? '');
  await placeFiles([], root);
}

type Outcome = 'done' | 'lost' | 'late' | { readonly agentEnded: string };

const isHealthy =
  (waitsForTraffic: boolean) =>
  ({ steps, endedAtMs }: Join): boolean =>
    endedAtMs !== null || (!waitsForTraffic && (steps[HEALTHY]?.endedAtMs ?? null) !== null);

/** Until the join has come far enough, the agent has ended, or the control plane has gone. */
async function watch(
  parts: {
    readonly line: JoinLine;
    readonly agent: StartedAgent;
    readonly printer: StepPrinter;
    readonly end: (join: Join) => boolean;
  },
  signal: AbortSignal,
): Promise<Outcome> {
  const { line, agent, printer, end } = parts;
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  line.follow((join) => {
    printer.show(join);
    if (end(join)) resolve('done');
  });
  void agent.ended.then((agentEnded) => {
    line.report(`the agent ended: ${agentEnded}`);
    resolve({ agentEnded });
  });
  void line.closed.then(() => resolve('lost'));
  return await promise;
}

function tell(
  outcome: Outcome,
  { agent, print, name }: { agent: StartedAgent; print: (text: string) => void; name: string },
): number {
  if (outcome === 'done') {
    print(`in the mesh; the agent runs (pid ${agent.pid}, log ${agent.log})`);
    return 0;
  }
  if (outcome === 'lost') {
    throw new OperatorError('CONTROL_PLANE_UNREACHABLE', 'the control plane went away meanwhile', {
      remedy: `the agent goes on by itself; how far it is says: isthmus join-status ${name}`,
    });
  }
  if (outcome === 'late') {
    throw new OperatorError('ENVOY_FAILED', 'joining takes longer than it should', {
      remedy: `the agent goes on by itself; see ${agent.log}, and isthmus join-status ${name}`,
    });
  }
  throw new OperatorError('ENVOY_FAILED', `the agent ended: ${outcome.agentEnded}`, {
    remedy: `mend it, then run "isthmus agent": this machine has its files and certificate`,
  });
}
