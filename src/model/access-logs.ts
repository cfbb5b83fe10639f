// Which access logs a workload writes, as Telemetry says (Istio's merging, telemetry.go), or where
// none does, MeshConfig.
import { meshLogFormat } from '#istio/meshconfig/extension-providers.ts';
import type { FileLogSettings, LogFormat } from '#istio/meshconfig/extension-providers.ts';
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import type { OtlpLogSettings } from '#istio/meshconfig/telemetry-providers.ts';
import type { AccessLogging, LogSide } from '#istio/telemetry/telemetry.ts';

/** Lines in a file, or records that somebody takes; and of what, in CEL (empty: of everything). */
export type AccessLog = (FileLog | OtlpLog) & { readonly filter: string };

export type FileLog = {
  readonly kind: 'file';
  readonly path: string;
  readonly format: LogFormat;
  readonly omitsEmptyValues: boolean;
};

export type OtlpLog = OtlpLogSettings & { readonly kind: 'otlp' };

type Settings = Pick<
  MeshConfig,
  | 'accessLogFile'
  | 'accessLogFormat'
  | 'accessLogEncoding'
  | 'accessLogProviders'
  | 'extensionProviders'
>;

/** What there is in every mesh, unless it is defined otherwise. */
const BUILT_IN = 'envoy';
const BUILT_IN_LOG: FileLogSettings = {
  path: '/dev/stdout',
  format: undefined,
  omitsEmptyValues: false,
};

/**
 * @param widestFirst what each Telemetry says that is for the workload: the mesh's, its
 *   namespace's, then its own. Those that say nothing of logs are left out.
 */
export function accessLogsOf(
  settings: Settings,
  widestFirst: readonly (readonly AccessLogging[])[],
  side: LogSide,
): readonly AccessLog[] {
  const { accessLogFile: path, accessLogProviders: defaults } = settings;
  if (widestFirst.length === 0 && defaults.length === 0) {
    const format = meshLogFormat(settings);
    return path === '' ? [] : [{ kind: 'file', path, format, omitsEmptyValues: false, filter: '' }];
  }
  return mergedProviders(defaults, widestFirst, side).flatMap(({ name, filter }) => {
    const log = logOf(name, settings);
    return log ? { ...log, filter } : [];
  });
}
type Chosen = { readonly name: string; readonly filter: string };

/** Of several narrower ones, the last that names providers for this side decides which count. */
function mergedProviders(
  defaults: readonly string[],
  widestFirst: readonly (readonly AccessLogging[])[],
  side: LogSide,
): readonly Chosen[] {
  if (widestFirst.length === 0) return inOrder(defaults.map((name) => ({ name, filter: '' })));
  let inScope = new Set(defaults);
  const filters = new Map<string, string>();
  for (const entries of widestFirst) {
    const ofSide = entries.filter(({ sides }) => sides.includes(side));
    const named = ofSide.flatMap(({ providers }) => providers);
    for (const { providers, filter } of ofSide) {
      for (const name of providers) filters.set(name, filter);
    }
    if (named.length > 0) inScope = new Set(named);
  }
  let inherited = defaults;
  const chosen = new Map<string, boolean>();
  for (const { providers, sides, isDisabled } of widestFirst.flat()) {
    if (providers.length > 0) inherited = providers;
    if (!sides.includes(side)) continue;
    for (const name of inherited) if (inScope.has(name)) chosen.set(name, !isDisabled);
  }
  return inOrder(
    [...chosen].flatMap(([name, isOn]) => (isOn ? { name, filter: filters.get(name) ?? '' } : [])),
  );
}

const inOrder = (chosen: readonly Chosen[]): readonly Chosen[] =>
  chosen.toSorted((a, b) => (a.name < b.name ? -1 : 1)); // no two have one name

/** undefined: there is no such provider, or it takes no logs. */
function logOf(name: string, settings: Settings): FileLog | OtlpLog | undefined {
  const provider = settings.extensionProviders.find((one) => one.name === name);
  if (provider?.kind === 'otlp-log') return { kind: 'otlp', ...provider.log };
  const log = provider?.kind === 'file-log' ? provider.log : undefined;
  if (log === undefined && (provider !== undefined || name !== BUILT_IN)) return undefined;
  const { path, format, omitsEmptyValues } = log ?? BUILT_IN_LOG;
  const isPlain = name === BUILT_IN && format === undefined && !omitsEmptyValues;
  const unsaid: LogFormat = isPlain ? meshLogFormat(settings) : { kind: 'text', text: '' };
  return { kind: 'file', path, format: format ?? unsaid, omitsEmptyValues };
}
