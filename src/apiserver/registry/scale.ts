// The `scale` subresource: how many, of whatever kind, in one form (autoscaling/v1 Scale).
import { readPath } from '../json-path.ts';
import { defineTransient } from '../kinds/define.ts';
import type { ScalePaths } from '../kinds/kind.ts';
import type { Draft, Json, JsonObject, KubeObject } from '../object.ts';
import { draftOf, isJsonObject, numberAt, objectAt } from '../object.ts';
import { unknownResource } from '../status.ts';
import { renderLabels, renderSelector } from '../table/column.ts';
import { invalid } from '../violation.ts';
import { decodeObject } from './decode.ts';
import { patcherOf, refusedPatch } from './patch.ts';
import { getObject } from './read.ts';
import type { Scope } from './scope.ts';
import { updateObject } from './update.ts';
import { invalidIn } from './write.ts';

const SCALE = defineTransient({
  api: 'autoscaling/v1',
  kind: 'Scale',
  type: 'autoscaling.Scale',
  scope: 'Namespaced',
});

function pathsOf({ served }: Scope): ScalePaths {
  const paths = served.version.scale;
  if (!paths) throw unknownResource(served.kind, 'scale');
  return paths;
}

function scaleOf(object: KubeObject, paths: ScalePaths): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const number = (path: string) => {
    const [value] = readPath(object, path);
    return typeof value === 'number' ? value : 0;
  };
  const metadata = { namespace, uid, resourceVersion, creationTimestamp };
  const known = Object.entries(metadata).filter(([, value]) => value !== undefined);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...Object.fromEntries(known) },
    spec: { replicas: number(paths.specReplicas) },
    status: { replicas: number(paths.statusReplicas), selector: selectorOf(object, paths) },
  };
}

/** Custom resources keep it as text in their status; built-in ones as an object in their spec. */
function selectorOf(object: KubeObject, { labelSelector }: ScalePaths): string {
  if (labelSelector === undefined) {
    const selector = objectAt(objectAt(object, 'spec'), 'selector');
    // a ReplicationController's is labels alone
    const isLabels = object.kind === 'ReplicationController';
    return isLabels ? renderLabels(selector) : renderSelector(selector);
  }
  const [value] = readPath(object, labelSelector);
  return typeof value === 'string' ? value : '';
}

export function getScale(scope: Scope, name: string): KubeObject {
  return scaleOf(getObject(scope, name), pathsOf(scope));
}

/** PUT: the body is the whole Scale. */
export function replaceScale(scope: Scope, name: string, body: Json): Promise<KubeObject> {
  return changeScale(scope, name, () => body);
}

export function patchScale(
  scope: Scope,
  name: string,
  patch: { readonly mediaType: string; readonly body: Json },
): Promise<KubeObject> {
  return changeScale(scope, name, patcherOf(SCALE, patch.mediaType, patch.body));
}

async function changeScale(
  scope: Scope,
  name: string,
  change: (scale: KubeObject) => Json,
): Promise<KubeObject> {
  const paths = pathsOf(scope);
  const { object } = await updateObject(scope, name, (current) => {
    const before = scaleOf(current, paths);
    const body = change(before);
    const refuse = (problem: string) => refusedPatch(problem, body);
    const scale = decodeObject(SCALE, body, { ...scope.options, warn: scope.warn, refuse });
    const replicas = numberAt(objectAt(scale, 'spec'), 'replicas') ?? 0;
    if (replicas < 0) {
      const why = 'must be greater than or equal to 0';
      throw invalidIn(scope, name, [invalid('spec.replicas', replicas, why)]);
    }
    const draft = withReplicas(current, paths.specReplicas, replicas);
    const version = scale.metadata.resourceVersion;
    if (version === before.metadata.resourceVersion) delete draft.metadata.resourceVersion;
    else if (version !== undefined) draft.metadata.resourceVersion = version;
    return draft;
  });
  return scaleOf(object, paths);
}

function withReplicas(object: KubeObject, path: string, replicas: number): Draft {
  const [root = '', ...rest] = path.split('.');
  const draft = draftOf(object);
  draft[root] = setAt(draft[root], rest, replicas);
  return draft;
}

function setAt(value: Json | undefined, path: readonly string[], leaf: number): Json {
  const [name, ...rest] = path;
  if (name === undefined) return leaf;
  const object: JsonObject = isJsonObject(value) ? value : {};
  return { ...object, [name]: setAt(object[name], rest, leaf) };
}
