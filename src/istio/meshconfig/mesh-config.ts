// The mesh's own settings: key `mesh` of ConfigMap `istio` in namespace `istio-system`.

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
  /** What counts as inside of the mesh, as canonical CIDRs: annotation `isthmus.dev/mesh-ranges`. */
  readonly meshRanges: readonly string[];
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
};
