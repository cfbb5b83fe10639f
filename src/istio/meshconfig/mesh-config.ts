// The mesh's own settings: key `mesh` of ConfigMap `istio` in namespace `istio-system`.
import { parseDocument } from 'yaml';
import { cidrsOf, normalizeRanges, parseCidr } from '#base/ip.ts';
import { isTrustDomain } from '#base/workload-identity.ts';
import type { KubeObject } from '#kube/objects.ts';
import { fieldsOf, textAt } from '../core/fields.ts';
import { parseMeta } from '../object.ts';
import type { ParseResult, Violation } from '../object.ts';
import { INVALID, Reading } from '../schema/reading.ts';
import type { Static } from '../schema/schema.ts';
import { checkExportTo, isDnsLabel } from '../syntax.ts';
import { meshConfigFields, unusedFields } from './fields.ts';

/** Where the mesh's settings lie. */
export const MESH_CONFIG_NAMESPACE = 'istio-system';
export const MESH_CONFIG_NAME = 'istio';

/** The settings that Isthmus acts on, under Istio's names. */
export type MeshConfig = {
  readonly trustDomain: string;
  /** Other trust domains whose identities count as ours. */
  readonly trustDomainAliases: readonly string[];
  readonly enableAutoMtls: boolean;
  /** Empty: no access log. */
  readonly accessLogFile: string;
  /** Empty: Istio's default. */
  readonly accessLogFormat: string;
  readonly outboundTrafficPolicy: 'ALLOW_ANY' | 'REGISTRY_ONLY';
  readonly rootNamespace: string;
  /** `*`, `.`, `~` or namespaces, for Services and ServiceEntries that do not say. */
  readonly defaultServiceExportTo: readonly string[];
  /** What counts as inside of the mesh, canonical: annotation `isthmus.dev/mesh-ranges`. */
  readonly meshRanges: readonly string[];
  /** Fields of Istio's that are set and that nothing here acts on: worth telling the operator. */
  readonly unusedFields: readonly string[];
};

export const DEFAULT_MESH_CONFIG: MeshConfig = {
  trustDomain: 'cluster.local',
  trustDomainAliases: [],
  enableAutoMtls: true,
  accessLogFile: '/dev/stdout',
  accessLogFormat: '',
  outboundTrafficPolicy: 'ALLOW_ANY',
  rootNamespace: 'istio-system',
  defaultServiceExportTo: ['*'],
  meshRanges: ['240.240.0.0/16'],
  unusedFields: [],
};

const RANGES = 'isthmus.dev/mesh-ranges';
const KEY = 'mesh';
/** A ConfigMap holds at most 1 MiB. */
const TEXT_LENGTH_MAX = 1 << 20;
/** How often an alias may be resolved, nested ones multiplied: against texts that explode. */
const ALIASES_MAX = 100;

/**
 * Reads the ConfigMap. What it does not set is as in `defaults`. Anything that is not in Istio's
 * MeshConfig is refused, so that a slip of the pen does not quietly turn a setting off.
 */
export function parseMeshConfig(
  configMap: KubeObject,
  defaults: MeshConfig = DEFAULT_MESH_CONFIG,
): ParseResult<MeshConfig> {
  const violations: Violation[] = [];
  const root = new Reading('', violations);
  const at = root.property('data').property(KEY);
  const document = parseYaml(textAt(fieldsOf(configMap['data']), KEY), at);
  const read = document === INVALID ? INVALID : meshConfigFields.read(document ?? {}, at);
  const ranges = parseMeta(configMap).annotations[RANGES];
  const place = root.property('metadata').property('annotations').key(RANGES);
  const meshRanges = ranges === undefined ? defaults.meshRanges : rangesOf(ranges, place);
  if (read !== INVALID) check(read, at);
  if (read === INVALID || violations.length > 0) return { ok: false, violations };
  const { outboundTrafficPolicy, ...settings } = read;
  return {
    ok: true,
    value: {
      trustDomain: settings.trustDomain ?? defaults.trustDomain,
      trustDomainAliases: settings.trustDomainAliases ?? defaults.trustDomainAliases,
      enableAutoMtls: settings.enableAutoMtls ?? defaults.enableAutoMtls,
      accessLogFile: settings.accessLogFile ?? defaults.accessLogFile,
      accessLogFormat: settings.accessLogFormat ?? defaults.accessLogFormat,
      outboundTrafficPolicy: outboundTrafficPolicy?.mode ?? defaults.outboundTrafficPolicy,
      rootNamespace: settings.rootNamespace ?? defaults.rootNamespace,
      defaultServiceExportTo: settings.defaultServiceExportTo ?? defaults.defaultServiceExportTo,
      meshRanges,
      unusedFields: unusedFields(read),
    },
  };
}

function parseYaml(text: string, at: Reading): unknown {
  if (text.length > TEXT_LENGTH_MAX) return at.refuse('Too long: may not be more than 1 MiB');
  const document = parseDocument(text);
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) return at.refuse(`Invalid value: not plain YAML: ${problem.message}`);
  try {
    const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
    return value;
  } catch {
    return at.refuse('Invalid value: not plain YAML: aliases without end'); // the only way to fail
  }
}

function check(settings: Static<typeof meshConfigFields>, at: Reading): void {
  const { trustDomain, trustDomainAliases = [], rootNamespace, defaultServiceExportTo } = settings;
  if (trustDomain !== undefined && !isTrustDomain(trustDomain)) {
    at.property('trustDomain').refuse('Invalid value: must be a lower-case domain name');
  }
  for (const [index, alias] of trustDomainAliases.entries()) {
    if (isTrustDomain(alias)) continue;
    const place = at.property('trustDomainAliases').item(index);
    place.refuse('Invalid value: must be a lower-case domain name');
  }
  if (rootNamespace !== undefined && !isDnsLabel(rootNamespace)) {
    at.property('rootNamespace').refuse('Invalid value: must be the name of a namespace');
  }
  checkExportTo(defaultServiceExportTo ?? [], '', at.property('defaultServiceExportTo'));
}

/** Canonical, sorted, none within another. */
function rangesOf(text: string, at: Reading): readonly string[] {
  const ranges = text.split(',').flatMap((part) => {
    const cidr = part.trim();
    const range = parseCidr(cidr);
    if (range === undefined) at.refuse(`Invalid value: ${at.quote(cidr)}: must be a CIDR`);
    return range ?? [];
  });
  return normalizeRanges(ranges).flatMap(cidrsOf);
}
