// An API server's memory for tests of controllers: writes as the real one takes them (versions,
// generations, merge patches, conflicts), at once and without watches.
import { OperatorError } from '#base/operator-error.ts';
import type { KubeClient } from '#kube/client.ts';
import { refusal } from '#kube/fake-kube-client.ts';
import { fieldsOf, objectsAt, textAt } from '#kube/fields.ts';
import { isRecord, objectKey, type KubeObject, type ObjectRef } from '#kube/objects.ts';
import { EVENT, POD, resourceName, type ResourceType } from '#kube/resources.ts';
import type { Controller } from './controller.ts';
import { serverReader } from './reader.ts';
import { applyWrites, isOutdated } from './write.ts';

type Verb = 'create' | 'update' | 'patch' | 'bind' | 'remove';

export class FakeCluster implements Pick<KubeClient, 'get' | 'list' | Verb> {
  nowMs = Date.parse('2026-11-22T12:00:00Z');
  /** Called before each write: a test may throw what the server would. */
  beforeWrite: (verb: Verb, type: ResourceType, object: KubeObject) => void = () => undefined;
  /** Verbs of the writes so far, with what they were for. */
  readonly writes: string[] = [];
  readonly #kinds = new Map<string, Map<string, KubeObject>>();
  #version = 0;
  #draws = 0;

  objects(type: ResourceType): readonly KubeObject[] {
    return [...this.#of(type).values()];
  }

  /** What Events say, in order: `reason: message`. */
  get events(): readonly string[] {
    return this.objects(EVENT).map(
      (event) => `${textAt(event, 'reason')}: ${textAt(event, 'message')}`,
    );
  }

  /** An evenly spread sequence that is the same in every run. */
  random = (): number => (this.#draws = (this.#draws + 0.754877666246693) % 1);

  /** Puts an object as it is, whatever was there. */
  put(type: ResourceType, object: KubeObject): KubeObject {
    const key = objectKey(object.metadata);
    const before = this.#of(type).get(key);
    const metadata = {
      creationTimestamp: new Date(this.nowMs).toISOString(),
      generation: 1,
      ...object.metadata,
      uid: before?.metadata.uid ?? object.metadata.uid ?? `uid-${this.#version + 1}`,
      resourceVersion: `${(this.#version += 1)}`,
    };
    const stored = { ...object, metadata };
    this.#of(type).set(key, stored);
    return stored;
  }

  drop(type: ResourceType, ref: ObjectRef): void {
    this.#of(type).delete(objectKey(ref));
  }

  get: KubeClient['get'] = (type, ref) => Promise.resolve(this.#find(type, ref));

  list: KubeClient['list'] = (type, { namespace } = {}) => {
    const items = this.objects(type).filter(
      ({ metadata }) => namespace === undefined || metadata.namespace === namespace,
    );
    return Promise.resolve({
      items,
      resourceVersion: `${this.#version}`,
      continueToken: undefined,
    });
  };

  create: KubeClient['create'] = async (type, object) => {
    await this.#admit('create', type, object);
    if (this.#of(type).has(objectKey(object.metadata))) {
      throw refusal(409, 'AlreadyExists', type, object.metadata, 'already exists');
    }
    return this.put(type, object);
  };

  update: KubeClient['update'] = async (type, object, { subresource } = {}) => {
    const before = this.#find(type, object.metadata);
    await this.#admit('update', type, object);
    return this.#replace(type, before, object, subresource);
  };

  /** Merge patches. */
  patch: KubeClient['patch'] = async (type, ref, patch, { subresource }) => {
    const before = this.#find(type, ref);
    await this.#admit('patch', type, before);
    return this.#replace(type, before, merged(before, patch), subresource);
  };

  bind: KubeClient['bind'] = async (ref, nodeName) => {
    const before = this.#find(POD, ref);
    await this.#admit('bind', POD, before);
    const spec = fieldsOf(before.spec);
    if (textAt(spec, 'nodeName') !== '') throw refusal(409, 'Conflict', POD, ref, 'is bound');
    const conditions = [{ type: 'PodScheduled', status: 'True' }];
    const status = { ...fieldsOf(before.status), conditions };
    this.put(POD, { ...before, spec: { ...spec, nodeName }, status });
  };

  remove: KubeClient['remove'] = async (type, ref, { preconditions } = {}) => {
    const before = this.#find(type, ref);
    await this.#admit('remove', type, before);
    if (preconditions?.uid !== undefined && preconditions.uid !== before.metadata.uid) {
      throw refusal(409, 'Conflict', type, ref, 'is another object');
    }
    this.drop(type, ref);
  };

  /** One pass of a controller over one key. @returns whether it wrote anything */
  async reconcile(controller: Controller, key: string): Promise<boolean> {
    const signal = new AbortController().signal;
    const { nowMs, random } = this;
    const { writes } = await controller.plan(key, serverReader(this, signal), { nowMs, random });
    const recorder = {
      record: async (
        { object }: { readonly object: KubeObject },
        note: { readonly reason: string; readonly message: string },
      ) => {
        const name = `${object.metadata.name}.${this.#version}`;
        this.put(EVENT, { metadata: { name, namespace: 'default' }, ...note });
        await Promise.resolve();
      },
    };
    try {
      await applyWrites(writes, { client: this, recorder }, signal);
    } catch (error) {
      if (!isOutdated(error) && !(error instanceof OperatorError)) throw error;
    }
    return writes.length > 0;
  }

  #of(type: ResourceType): Map<string, KubeObject> {
    const name = resourceName(type);
    const objects = this.#kinds.get(name) ?? new Map<string, KubeObject>();
    this.#kinds.set(name, objects);
    return objects;
  }

  #find(type: ResourceType, ref: ObjectRef): KubeObject {
    const object = this.#of(type).get(objectKey(ref));
    if (!object) throw refusal(404, 'NotFound', type, ref, 'not found');
    return object;
  }

  async #admit(verb: Verb, type: ResourceType, object: KubeObject): Promise<void> {
    await Promise.resolve();
    if (type !== EVENT) this.writes.push(`${verb} ${type.kind} ${object.metadata.name}`);
    this.beforeWrite(verb, type, object);
  }

  #replace(
    type: ResourceType,
    before: KubeObject,
    wanted: KubeObject,
    subresource: string | undefined,
  ): KubeObject {
    const { resourceVersion, uid } = wanted.metadata;
    const isOther = uid !== undefined && uid !== before.metadata.uid;
    if (
      isOther ||
      (resourceVersion ?? before.metadata.resourceVersion) !== before.metadata.resourceVersion
    ) {
      throw refusal(409, 'Conflict', type, before.metadata, 'has been modified');
    }
    const next =
      subresource === 'status'
        ? { ...before, status: wanted.status }
        : { ...wanted, status: before.status };
    const isRespecified = JSON.stringify(next.spec) !== JSON.stringify(before.spec);
    const generation = (before.metadata.generation ?? 1) + (isRespecified ? 1 : 0);
    return this.put(type, { ...next, metadata: { ...next.metadata, generation } });
  }
}

/** RFC 7386, where the patch is an object. */
function merged(before: KubeObject, patch: unknown): KubeObject {
  const result = mergedValue(before, patch);
  return { ...fieldsOf(result), metadata: { ...before.metadata, ...fieldsOf(result, 'metadata') } };
}

function mergedValue(before: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = { ...fieldsOf(before) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else if (value !== undefined) result[name] = mergedValue(result[name], value);
  }
  return result;
}

/** The condition of a type as `status reason`, for tests. */
export function conditionText(object: KubeObject | undefined, type: string): string | undefined {
  const conditions = objectsAt(fieldsOf(object?.status), 'conditions');
  const found = conditions.find((condition) => condition['type'] === type);
  return found && `${textAt(found, 'status')} ${textAt(found, 'reason')}`;
}
