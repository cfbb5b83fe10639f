// What analysis reads from the API server: every kind that an analyzer looks at.
import { parse } from 'yaml';
import { meshNetworksResource } from '#analyze/mesh-settings.ts';
import { resourceOf } from '#analyze/resource.ts';
import type { Resource } from '#analyze/resource.ts';
import { KINDS } from '#istio/kinds.ts';
import type { KubeClient } from '#kube/client.ts';
import { fieldsOf, textAt } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import {
  apiVersionOf,
  CONFIG_MAP,
  DEPLOYMENT,
  NAMESPACE,
  NODE,
  POD,
  resourceName,
  SECRET,
  SERVICE,
} from '#kube/resources.ts';
import type { ResourceType } from '#kube/resources.ts';
import { isNotFound, KubeStatusError } from '#kube/status.ts';

const MESH_NAMESPACE = 'istio-system';

const ofCluster = (group: string, kind: string, plural: string): ResourceType => ({
  group,
  version: 'v1',
  plural,
  kind,
  namespaced: false,
});

const ofGatewayApi = (kind: string, plural: string): ResourceType => ({
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced: true,
});

const ADMISSION = 'admissionregistration.k8s.io';

const TYPES: readonly ResourceType[] = [
  NAMESPACE,
  NODE,
  POD,
  SECRET,
  SERVICE,
  DEPLOYMENT,
  ofCluster(ADMISSION, 'MutatingWebhookConfiguration', 'mutatingwebhookconfigurations'),
  ofCluster(ADMISSION, 'ValidatingWebhookConfiguration', 'validatingwebhookconfigurations'),
  ofCluster('apiextensions.k8s.io', 'CustomResourceDefinition', 'customresourcedefinitions'),
  ...KINDS.map(({ type }) => type),
  ofGatewayApi('Gateway', 'gateways'),
  ofGatewayApi('HTTPRoute', 'httproutes'),
  ofGatewayApi('GRPCRoute', 'grpcroutes'),
  ofGatewayApi('TCPRoute', 'tcproutes'),
  ofGatewayApi('TLSRoute', 'tlsroutes'),
  ofGatewayApi('ListenerSet', 'listenersets'),
  ofGatewayApi('BackendTLSPolicy', 'backendtlspolicies'),
];

export type ClusterView = {
  readonly resources: readonly Resource[];
  /** MeshConfig as the ConfigMap has it, parsed; undefined without one. */
  readonly meshConfig: unknown;
  /** Kinds that may not be read, by name. */
  readonly forbidden: readonly string[];
};

/** Kinds that the server does not have are none of its objects. @throws KubeStatusError */
export async function readCluster(client: KubeClient, signal: AbortSignal): Promise<ClusterView> {
  const resources: Resource[] = [];
  const forbidden: string[] = [];
  for (const type of TYPES) {
    const objects = await readable(type, forbidden, () => listAll(client, type, signal));
    resources.push(...objects.map((object) => resourceOf(object)));
  }
  const maps = await readable(CONFIG_MAP, forbidden, () =>
    listAll(client, CONFIG_MAP, signal, MESH_NAMESPACE),
  );
  resources.push(...maps.filter(isOfMesh).map((object) => resourceOf(object)));
  const settings = fieldsOf(maps.find(({ metadata }) => metadata.name === 'istio')?.['data']);
  const networks = parseYaml(textAt(settings, 'meshNetworks'));
  if (networks !== undefined) resources.push(meshNetworksResource(networks));
  return { resources, meshConfig: parseYaml(textAt(settings, 'mesh')), forbidden };
}

const isOfMesh = ({ metadata }: KubeObject): boolean => metadata.name.startsWith('istio');

async function readable(
  type: ResourceType,
  forbidden: string[],
  list: () => Promise<readonly KubeObject[]>,
): Promise<readonly KubeObject[]> {
  try {
    return await list();
  } catch (error) {
    if (isNotFound(error)) return [];
    if (!(error instanceof KubeStatusError) || error.status.code !== 403) throw error;
    forbidden.push(resourceName(type));
    return [];
  }
}

const PAGE_SIZE = 500;

/** Items of built-in kinds do not say what they are. */
async function listAll(
  client: KubeClient,
  type: ResourceType,
  signal: AbortSignal,
  namespace?: string,
): Promise<readonly KubeObject[]> {
  const objects: KubeObject[] = [];
  let continueToken: string | undefined;
  do {
    const page = await client.list(type, { namespace, limit: PAGE_SIZE, continueToken, signal });
    const named = { apiVersion: apiVersionOf(type), kind: type.kind };
    objects.push(...page.items.map((item) => ({ ...named, ...item })));
    continueToken = page.continueToken;
  } while (continueToken !== undefined);
  return objects;
}

/** What is no YAML is said by the control plane; here it is nothing. */
export function parseYaml(text: string): unknown {
  if (text === '') return undefined;
  try {
    return parse(text, { maxAliasCount: 100, logLevel: 'silent' });
  } catch {
    return undefined;
  }
}
