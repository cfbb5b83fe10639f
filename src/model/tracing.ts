// Which spans a workload's proxy reports, as Telemetry says (Istio's merging, telemetry.go), and
// where none says, MeshConfig.
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import type { TracerSettings } from '#istio/meshconfig/telemetry-providers.ts';
import type { CustomTag } from '#istio/telemetry/custom-tag.ts';
import type { LogSide } from '#istio/telemetry/side.ts';
import type { TracingEntry } from '#istio/telemetry/tracing.ts';
import type { Governed } from './policy-attachment.ts';

/** Plain data with a fixed order of fields. */
export type Tracing = {
  readonly tracer: TracerSettings;
  /** Whose spans they are: `<app>.<namespace>`. */
  readonly service: string;
  /** Percent of the requests that come without a trace. */
  readonly sampling: number;
  /** Sorted by name. */
  readonly tags: readonly CustomTag[];
  /** Of a tag with a path in it; 0: as Envoy has it. */
  readonly maxTagLength: number;
  readonly usesRequestId: boolean;
  /** Passes on what it gets, and adds nothing. */
  readonly keepsContext: boolean;
};

type Settings = Pick<
  MeshConfig,
  'extensionProviders' | 'tracingProviders' | 'tracing' | 'trustDomain'
>;
type Labels = Readonly<Record<string, string>>;

/** Istio's order in which labels name a workload's canonical service and revision. */
const NAME_LABELS = ['service.istio.io/canonical-name', 'app.kubernetes.io/name', 'app'];
const REVISION_LABELS = [
  'service.istio.io/canonical-revision',
  'app.kubernetes.io/version',
  'version',
];
const WORKLOAD_LABEL = 'service.istio.io/workload-name';

/** All labels that spans tell of. */
export const SPAN_LABELS: readonly string[] = [...NAME_LABELS, ...REVISION_LABELS, WORKLOAD_LABEL];

/** Is there any provider that takes spans? Else labels need not be told apart by. */
export const hasTracers = ({ extensionProviders }: Settings): boolean =>
  extensionProviders.some(({ kind }) => kind === 'tracer');

type Merged = Omit<TracingEntry, 'sides' | 'providers'> & { readonly provider: string | undefined };

/**
 * @param widestFirst what Telemetries say that are for the workload: the mesh's, its namespace's,
 *   then its own
 * @returns undefined: none
 */
export function tracingFor(
  settings: Settings,
  widestFirst: readonly TracingEntry[],
  of: { readonly workload: Governed; readonly clusterId: string; readonly side: LogSide },
): Tracing | undefined {
  const { tracing: ofMesh, extensionProviders, tracingProviders } = settings;
  const merged = widestFirst
    .filter(({ sides }) => sides.includes(of.side))
    .reduce<Merged>(merge, { ...UNSAID, provider: tracingProviders[0] });
  const provider = extensionProviders.find(({ name }) => name === merged.provider);
  if (provider?.kind !== 'tracer' || merged.isDisabled === true) return undefined;
  const { tracer } = provider;
  const hasIstioTags = merged.hasIstioTags ?? ofMesh.hasIstioTags;
  const own = merged.tags ?? [];
  const tags = [
    ...(hasIstioTags ? istioTags(settings, of) : []),
    ...(own.length > 0 ? own : ofMesh.tags),
  ];
  return {
    tracer,
    service: serviceName(of.workload),
    sampling: merged.sampling ?? ofMesh.sampling,
    tags: lastOfEach(tags),
    maxTagLength: tracer.maxTagLength || ofMesh.maxTagLength,
    usesRequestId: merged.usesRequestId ?? true,
    keepsContext: merged.keepsContext ?? false,
  };
}

const UNSAID: Omit<Merged, 'provider'> = {
  sampling: undefined,
  isDisabled: undefined,
  tags: undefined,
  usesRequestId: undefined,
  hasIstioTags: undefined,
  keepsContext: undefined,
};

const merge = (wider: Merged, entry: TracingEntry): Merged => ({
  provider: entry.providers[0] ?? wider.provider,
  sampling: entry.sampling ?? wider.sampling,
  isDisabled: entry.isDisabled ?? wider.isDisabled,
  tags: entry.tags ?? wider.tags,
  usesRequestId: entry.usesRequestId ?? wider.usesRequestId,
  hasIstioTags: entry.hasIstioTags ?? wider.hasIstioTags,
  keepsContext: entry.keepsContext ?? wider.keepsContext,
});

function istioTags(
  { trustDomain }: Settings,
  { workload, clusterId }: { readonly workload: Governed; readonly clusterId: string },
): readonly CustomTag[] {
  const { namespace, labels } = workload;
  const literal = (name: string, value: string): CustomTag => ({ name, kind: 'literal', value });
  return [
    literal('istio.canonical_revision', firstOf(labels, REVISION_LABELS) ?? 'latest'),
    literal('istio.canonical_service', nameOf(labels) ?? 'unknown'),
    literal('istio.cluster_id', clusterId),
    literal('istio.mesh_id', trustDomain),
    literal('istio.namespace', namespace || 'default'),
  ];
}

const nameOf = (labels: Labels): string | undefined =>
  firstOf(labels, NAME_LABELS) ?? labels[WORKLOAD_LABEL];

/** As Istio's injection names proxies: by the label `app` before all. */
const serviceName = ({ namespace, labels }: Governed): string =>
  `${labels['app'] ?? nameOf(labels) ?? 'istio-proxy'}.${namespace || 'default'}`;

function firstOf(labels: Labels, names: readonly string[]): string | undefined {
  return names.map((name) => labels[name]).find((value) => value !== undefined && value !== '');
}

/** A user's tag replaces Istio's of the same name. */
function lastOfEach(tags: readonly CustomTag[]): readonly CustomTag[] {
  const byName = new Map(tags.map((tag) => [tag.name, tag]));
  return [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
