// Where an agent's settings come from, as layers of name and text: flags, the environment, Istio's
// env files and its mesh file. Pure: files come in as text.
import { readFlags } from '#base/flags.ts';
import { parseEnvFile } from './settings.ts';

export type AgentInput = {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The short host name: the node's name where POD_NAME does not say it. */
  readonly hostname: string;
  /** Text of a file, or undefined when there is none. */
  readonly readFile: (path: string) => string | undefined;
  /** Parses Istio's mesh file (YAML); called only when that file exists. */
  readonly parseYaml: (text: string) => unknown;
};

/** Flag → the setting that it overrides. Spelling as in pilot-agent where it has the flag. */
const FLAGS: Readonly<Record<string, string>> = {
  root: 'ISTHMUS_ROOT',
  domain: 'ISTHMUS_DOMAIN',
  concurrency: 'ISTHMUS_CONCURRENCY',
  drainDuration: 'ISTHMUS_DRAIN_DURATION',
  proxyLogLevel: 'ISTHMUS_PROXY_LOG_LEVEL',
  proxyAdminPort: 'ISTHMUS_PROXY_ADMIN_PORT',
  statusPort: 'ISTHMUS_STATUS_PORT',
  readyPort: 'ENVOY_STATUS_PORT',
  discoveryAddress: 'PILOT_ADDRESS',
  meshConfig: 'ISTHMUS_MESH_CONFIG',
};

const ROLES: ReadonlySet<string> = new Set(['sidecar', 'router']);

/** @throws OperatorError USAGE */
export function parseFlags(argv: readonly string[]): Map<string, string> {
  const { role, words } = roleOf(argv);
  const names = Object.keys(FLAGS);
  const { values } = readFlags(words, {
    options: Object.fromEntries(names.map((name) => [name, { type: 'string' } as const])),
    usage: `isthmus agent [--${names.join(' …] [--')} …]; the rest is in the environment`,
  });
  const flags = new Map<string, string>();
  if (role !== undefined) flags.set('ISTHMUS_ROLE', role);
  for (const [name, value] of Object.entries(values)) {
    const setting = FLAGS[name];
    if (setting !== undefined && typeof value === 'string') flags.set(setting, value);
  }
  return flags;
}

/** `proxy sidecar`, `proxy router`: the words that Istio's unit and injector put after the agent. */
function roleOf(argv: readonly string[]): {
  readonly role: string | undefined;
  readonly words: readonly string[];
} {
  const [first, second = ''] = argv;
  if (first !== 'proxy') return { role: undefined, words: argv };
  if (!ROLES.has(second)) return { role: undefined, words: argv.slice(1) };
  return { role: second, words: argv.slice(2) };
}

export type Layer = ReadonlyMap<string, string>;
export type Layers = { readonly values: readonly Layer[]; readonly problems: readonly string[] };

export const firstIn = (layers: readonly Layer[], name: string): string | undefined =>
  layers.find((layer) => layer.has(name))?.get(name);

export function layersOf(input: AgentInput, flags: Layer, root: string): Layers {
  const env = new Map<string, string>();
  for (const [name, value] of Object.entries(input.env))
    if (value !== undefined) env.set(name, value);
  const pathOf = (name: string, fallback: string): string =>
    flags.get(name) ?? env.get(name) ?? `${root}${fallback}`;
  const values: Layer[] = [flags, env];
  const problems: string[] = [];
  for (const [name, path] of [
    ['ISTIO_CLUSTER_CONFIG', '/var/lib/istio/envoy/cluster.env'],
    ['ISTIO_SIDECAR_CONFIG', '/var/lib/istio/envoy/sidecar.env'],
  ] as const) {
    const text = input.readFile(pathOf(name, path));
    if (text === undefined) continue;
    const file = parseEnvFile(text);
    values.push(file.values);
    if (name === 'ISTIO_CLUSTER_CONFIG') {
      problems.push(...presumptions(pathOf(name, path), file.values));
    }
    problems.push(...file.problems.map((problem) => `${pathOf(name, path)}: ${problem}`));
  }
  const meshPath = pathOf('ISTHMUS_MESH_CONFIG', '/etc/istio/config/mesh');
  const mesh = input.readFile(meshPath);
  if (mesh !== undefined) {
    const parsed = meshLayer(input.parseYaml, mesh);
    if (parsed) {
      values.push(parsed);
      problems.push(...presumptions(meshPath, parsed));
    } else problems.push(`${meshPath} is not a mesh configuration with a defaultConfig`);
  }
  return { values, problems };
}

/** Settings by which a machine's owner lets others look at it. */
const OWNERS: readonly string[] = ['ISTHMUS_APP_LOG'];

/** What stands in a file that comes from the control plane, and is not its to say. */
const presumptions = (path: string, layer: Layer): readonly string[] =>
  OWNERS.filter((name) => layer.has(name)).map(
    (name) => `${path}: ${name} is the machine's owner's to set, in the environment or sidecar.env`,
  );

/** ProxyConfig field of Istio's mesh file → the setting that it stands for. */
const PROXY_CONFIG: Readonly<Record<string, string>> = {
  discoveryAddress: 'PILOT_ADDRESS',
  concurrency: 'ISTHMUS_CONCURRENCY',
  drainDuration: 'ISTHMUS_DRAIN_DURATION',
  proxyAdminPort: 'ISTHMUS_PROXY_ADMIN_PORT',
  statusPort: 'ISTHMUS_STATUS_PORT',
};

function meshLayer(parseYaml: (text: string) => unknown, text: string): Layer | undefined {
  let parsed: unknown;
  try {
    parsed = parseYaml(text);
  } catch {
    return undefined; // the caller names the file
  }
  const { defaultConfig } = isRecord(parsed) ? parsed : {};
  if (!isRecord(defaultConfig)) return undefined;
  const { proxyMetadata } = defaultConfig;
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(isRecord(proxyMetadata) ? proxyMetadata : {})) {
    values.set(name, String(value));
  }
  for (const [field, setting] of Object.entries(PROXY_CONFIG)) {
    const value = defaultConfig[field];
    if (typeof value === 'string' || typeof value === 'number') values.set(setting, String(value));
  }
  return values;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
