// `isthmus policy apply|delete|keep|undo`: policies changed through the control plane, which can take
// them back by itself, and end the sessions that they refuse.
import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { parse as parseYaml, YAMLParseError } from 'yaml';
import { parseDurationMs } from '#agent/settings.ts';
import type { EndedSessions, FlowImpact, PolicyReference } from '#api/policies.ts';
import { usageError } from '#base/flags.ts';
import { OperatorError } from '#base/operator-error.ts';
import { printable } from '#base/printable.ts';
import { isRecord } from '#kube/objects.ts';
import { MESH_POLICY } from '#kube/resources.ts';
import type { Surroundings } from '../command.ts';
import { loadKube, type KubeWords } from '../kube.ts';
import { openMeshApi, type MeshApi, type MeshApiWords } from '../mesh-api/client.ts';

type Words = MeshApiWords & KubeWords;
type Call<Flags> = Surroundings & {
  readonly operands: readonly string[];
  readonly flags: Words & Flags;
};
type WriteFlags = {
  readonly mode: 'confirm' | 'keep' | 'shadow';
  readonly ttl: string;
  readonly 'end-sessions': boolean;
};

const USAGE = 'isthmus policy apply FILE; all of it: isthmus policy apply --help';
const FILE_LENGTH_MAX = 256 << 10;
const ROWS_MAX = 20;
const NAME_LENGTH_MAX = 300;

/** @throws OperatorError USAGE, FILE_UNREADABLE, CONTROL_PLANE_REFUSED, and of `openMeshApi` */
export async function runPolicyApply(call: Call<WriteFlags>): Promise<number> {
  const file = await policyFile(call);
  return await writePolicy(await openMeshApi(call.flags, call), call, file);
}

/** The text of a file, and which policy it is. @throws OperatorError USAGE, FILE_UNREADABLE */
export async function policyFile(
  call: Call<unknown>,
): Promise<{ readonly ref: PolicyReference; readonly yaml: string }> {
  const yaml = await readPolicyFile(call.operands[0] ?? '');
  return { ref: await referenceOf(yaml, call), yaml };
}

/** @throws OperatorError USAGE, NOT_FOUND, CONTROL_PLANE_REFUSED, and of `openMeshApi` */
export async function runPolicyDelete(call: Call<WriteFlags>): Promise<number> {
  const ref = await named(call);
  return await writePolicy(await openMeshApi(call.flags, call), call, { ref, yaml: '' });
}

/** @throws OperatorError CONTROL_PLANE_REFUSED, and of `openMeshApi` */
export async function runPolicyKeep(call: Call<unknown>): Promise<number> {
  const api = await openMeshApi(call.flags, call);
  await api.send('POST', '/api/v1/policies:confirm', await named(call));
  call.print('kept');
  return 0;
}

/** @throws OperatorError NOT_FOUND, CONTROL_PLANE_REFUSED, and of `openMeshApi` */
export async function runPolicyUndo(call: Call<unknown>): Promise<number> {
  const api = await openMeshApi(call.flags, call);
  await api.send('POST', '/api/v1/policies:undo', await named(call));
  call.print('undone: what was before is back; sessions that were ended are not');
  return 0;
}

/** @param wanted.yaml empty: it is to be deleted */
export async function writePolicy(
  api: Pick<MeshApi, 'get' | 'send'>,
  { flags, print }: { readonly flags: WriteFlags; readonly print: (text: string) => void },
  { ref, yaml }: { readonly ref: PolicyReference; readonly yaml: string },
): Promise<number> {
  const ttlMs = parseDurationMs(flags.ttl);
  if (ttlMs === undefined) throw usageError(`--ttl ${flags.ttl} is no duration`, USAGE);
  const version = await presentVersion(api, ref);
  const impact = await api.send('POST', '/api/v1/policies:preview', {
    ...ref,
    yaml,
    window: '24h',
  });
  for (const line of refusedLines(impact)) print(line);
  const ttl = Math.round(ttlMs / 1000);
  const query = new URLSearchParams({ mode: flags.mode, ttl: String(ttl) });
  const body = { ...(yaml !== '' && { yaml }), endsOpenConnections: flags['end-sessions'] };
  const condition: Readonly<Record<string, string>> =
    version === '' ? { 'if-none-match': '*' } : { 'if-match': `"${version}"` };
  const method = yaml === '' ? 'DELETE' : 'PUT';
  const answer = await api.send(method, `${pathOf(ref)}?${query.toString()}`, body, condition);
  print(SAID[flags.mode](ttl, nameOf(ref)));
  for (const line of endedLines(answer)) print(line);
  return 0;
}

const SAID: Readonly<Record<WriteFlags['mode'], (ttl: number, name: string) => string>> = {
  confirm: (ttl, name) => `applied; undone in ${ttl} s unless: isthmus policy keep ${name}`,
  keep: (_, name) => `applied and kept; for 24 hours: isthmus policy undo ${name}`,
  shadow: (_, name) => `in shadow: it refuses nobody; its end: isthmus policy undo ${name}`,
};

/** As it is named in these commands. */
const nameOf = ({ kind, namespace, name }: PolicyReference): string =>
  namespace === '' ? `${kind} ${name}` : `${kind} ${name} -n ${namespace}`;

/** One of the whole mesh is in no namespace. */
const pathOf = ({ kind, namespace, name }: PolicyReference): string =>
  `/api/v1/policies/${[kind, namespace || '-', name].map(encodeURIComponent).join('/')}`;

/** Empty: there is none. */
async function presentVersion(api: Pick<MeshApi, 'get'>, ref: PolicyReference): Promise<string> {
  try {
    const document = await api.get(pathOf(ref));
    const version = isRecord(document) ? document['resourceVersion'] : undefined;
    return typeof version === 'string' ? version : '';
  } catch (error) {
    if (error instanceof OperatorError && error.code === 'NOT_FOUND') return '';
    throw error;
  }
}

function refusedLines(impact: unknown): readonly string[] {
  const { refused } = isRecord(impact) ? impact : {};
  const rows: readonly FlowImpact[] = Array.isArray(refused) ? refused : [];
  if (rows.length === 0) return ['refuses nobody who was seen in the last 24 hours'];
  const more = rows.length - ROWS_MAX;
  return [
    'refuses from their next connection on:',
    ...rows.slice(0, ROWS_MAX).map(({ from, to, port, openConnections, after }) => {
      const open = openConnections > 0 ? `, ${openConnections} open` : '';
      return `  ${printable(`${from} → ${to}:${port}${open}: ${after}`, NAME_LENGTH_MAX)}`;
    }),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}

function endedLines(answer: unknown): readonly string[] {
  const { endedSessions } = isRecord(answer) ? answer : {};
  if (!isRecord(endedSessions)) return [];
  const { ended = 0, resetting = 0, left = [] }: Partial<EndedSessions> = endedSessions;
  return [
    `sessions ended: ${ended}`,
    ...(resetting > 0 ? [`cut at their next packet: ${resetting}`] : []),
    ...left.map(({ server, sessions, problem, remedy }) =>
      printable(`left at ${server}: ${sessions}: ${problem}; ${remedy}`, NAME_LENGTH_MAX * 2),
    ),
  ];
}

async function named({ operands, flags, env }: Call<unknown>): Promise<PolicyReference> {
  const [kind = '', name = ''] = operands;
  return { kind, namespace: await namespaceFor(kind, { flags, env }), name };
}

/** `-n` or the context's; empty of a kind that is in none. */
async function namespaceFor(
  kind: string,
  { flags, env }: Pick<Call<unknown>, 'flags' | 'env'>,
): Promise<string> {
  if (kind === MESH_POLICY.kind) return '';
  return flags.namespace ?? (await loadKube(flags, env)).namespace;
}

async function readPolicyFile(path: string): Promise<string> {
  try {
    const yaml = path === '-' ? await readAll(process.stdin) : await readFile(path, 'utf8');
    if (yaml.length <= FILE_LENGTH_MAX) return yaml;
    throw usageError(`${path} is longer than ${FILE_LENGTH_MAX} characters`, USAGE);
  } catch (cause) {
    if (cause instanceof OperatorError) throw cause;
    throw new OperatorError('FILE_UNREADABLE', `cannot read ${path}: ${String(cause)}`, {
      remedy: 'name the file with the policy, or - for standard input',
      cause,
    });
  }
}

/** What the file says of itself; its namespace, where it does not, is `-n` or the context's. */
async function referenceOf(yaml: string, { flags, env }: Call<unknown>): Promise<PolicyReference> {
  const { kind, metadata } = parsed(yaml);
  const { name, namespace: own } = isRecord(metadata) ? metadata : {};
  if (typeof kind !== 'string' || typeof name !== 'string') {
    throw usageError('the file is no policy: it has no kind or no metadata.name', USAGE);
  }
  if (typeof own === 'string') return { kind, namespace: own, name };
  return { kind, namespace: await namespaceFor(kind, { flags, env }), name };
}

function parsed(yaml: string): Record<string, unknown> {
  try {
    const value: unknown = parseYaml(yaml);
    return isRecord(value) ? value : {};
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw usageError(`the file is not YAML: ${error.message.split('\n')[0]}`, USAGE);
  }
}
