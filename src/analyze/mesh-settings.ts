// What analysis needs of MeshConfig and MeshNetworks. Read leniently: whether they are good is said
// by whoever takes them into force.
import { fieldsOf, objectsAt, textAt, textMapOf } from '#kube/fields.ts';
import type { Resource } from './resource.ts';
import { MESH_NETWORKS } from './resource.ts';

export type MeshSettings = {
  readonly rootNamespace: string;
  /** Environment of every proxy, `ISTIO_META_…`. */
  readonly proxyMetadata: Readonly<Record<string, string>>;
  /** Of the proxy's image: `distroless`, `debug`; empty for the default one. */
  readonly imageType: string;
  readonly hasDefaultAccessLogging: boolean;
  /** Names of extension providers of a kind that Istio has given up. */
  readonly lightstepProviders: ReadonlySet<string>;
};

/** @param config MeshConfig as parsed YAML; undefined for Istio's defaults */
export function meshSettingsOf(config: unknown): MeshSettings {
  const root = fieldsOf(config);
  const accessLogging = fieldsOf(root, 'defaultProviders')['accessLogging'];
  const lightstep = objectsAt(root, 'extensionProviders').filter(
    ({ lightstep: settings }) => settings !== undefined,
  );
  return {
    rootNamespace: textAt(root, 'rootNamespace') || 'istio-system',
    proxyMetadata: textMapOf(fieldsOf(root, 'defaultConfig')['proxyMetadata']),
    imageType: textAt(fieldsOf(root, 'defaultConfig', 'image'), 'imageType'),
    hasDefaultAccessLogging: Array.isArray(accessLogging) && accessLogging.length > 0,
    lightstepProviders: new Set(lightstep.map((provider) => textAt(provider, 'name'))),
  };
}

/** MeshNetworks as an object that messages can name, under Istio's name for it. */
export function meshNetworksResource(networks: unknown): Resource {
  const [namespace, name, kind] = ['istio-system', 'meshnetworks', 'MeshNetworks'];
  const object = { kind, metadata: { namespace, name }, spec: networks };
  return { type: MESH_NETWORKS, kind, namespace, name, object, origin: undefined };
}
