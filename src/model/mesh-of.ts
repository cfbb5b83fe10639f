// For tests: a mesh of objects that are written as their users write them.
import { parseAllDocuments } from 'yaml';
import { isKubeObject } from '#kube/objects.ts';
import type { KubeObject } from '#kube/objects.ts';
import * as kube from '#kube/resources.ts';
import type { ResourceType } from '#kube/resources.ts';
import { createMesh } from './mesh.ts';
import type { Mesh, MeshOptions } from './mesh.ts';

const TYPES: ReadonlyMap<string, ResourceType> = new Map(
  [
    kube.AUTHORIZATION_POLICY,
    kube.CONFIG_MAP,
    kube.DESTINATION_RULE,
    kube.ENDPOINT_SLICE,
    kube.GATEWAY,
    kube.HTTP_ROUTE,
    kube.MESH_POLICY,
    kube.NAMESPACE,
    kube.NODE,
    kube.PEER_AUTHENTICATION,
    kube.POD,
    kube.POLICY,
    kube.REQUEST_AUTHENTICATION,
    kube.PROXY_CONFIG,
    kube.SERVICE,
    kube.SERVICE_ENTRY,
    kube.TELEMETRY,
    kube.SIDECAR,
    kube.VIRTUAL_SERVICE,
    kube.WORKLOAD_ENTRY,
  ].map((type) => [type.kind, type]),
);

/** The mesh of these objects, committed. Their namespace is `default` unless they say. */
export function meshOf(yaml: string, options: MeshOptions = {}): Mesh {
  const mesh = createMesh(options);
  apply(mesh, yaml);
  return mesh;
}

/** Writes these objects into the mesh and commits. */
export function apply(mesh: Mesh, yaml: string): void {
  for (const [type, object] of objectsOf(yaml)) mesh.ingest(type, object, 'applied');
  mesh.commit();
}

/** Takes these objects, of which only kind and name count, out of the mesh and commits. */
export function remove(mesh: Mesh, yaml: string): void {
  for (const [type, object] of objectsOf(yaml)) mesh.ingest(type, object, 'deleted');
  mesh.commit();
}

function objectsOf(yaml: string): readonly (readonly [ResourceType, KubeObject])[] {
  return parseAllDocuments(yaml).map((document) => {
    const object: unknown = document.toJS();
    if (!isKubeObject(object)) throw new Error(`not an object: ${String(document)}`);
    const type = TYPES.get(object.kind ?? '');
    if (type === undefined) throw new Error(`of no kind known here: ${String(document)}`);
    const namespace = object.metadata.namespace ?? 'default';
    const metadata = type.namespaced ? { ...object.metadata, namespace } : object.metadata;
    return [type, { ...object, metadata }] as const;
  });
}
