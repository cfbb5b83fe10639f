// An API server's memory as a client sees it, for tests of what reads and writes objects: creates
// that conflict, updates that come too late, objects that are gone. Lists and watches come from
// FakeHistory, one for each kind.
import type { KubeClient } from './client.ts';
import { FakeHistory } from './fake-history.ts';
import { isRecord, objectKey, type KubeObject, type ObjectRef } from './objects.ts';
import { resourceName, type ResourceType } from './resources.ts';
import { KubeStatusError } from './status.ts';

export class FakeKubeClient implements Pick<
  KubeClient,
  'get' | 'list' | 'watch' | 'create' | 'patch' | 'remove'
> {
  readonly #kinds = new Map<string, FakeHistory>();
  /** Called before each write: for tests where another client is faster, or the server refuses. */
  beforeWrite: (verb: 'create' | 'patch' | 'remove', type: ResourceType, ref: ObjectRef) => void =
    () => undefined;

  /** All that is kept of a kind: for tests to look into and to change. */
  kind(type: ResourceType): FakeHistory {
    const name = resourceName(type);
    const history = this.#kinds.get(name) ?? new FakeHistory();
    this.#kinds.set(name, history);
    return history;
  }

  get: KubeClient['get'] = async (type, ref, { signal } = {}) => {
    await Promise.resolve();
    signal?.throwIfAborted();
    return this.#find(type, ref);
  };

  list: KubeClient['list'] = async (type, options = {}) => {
    const list = await this.kind(type).list(type, options);
    return { ...list, items: list.items.filter((item) => isSelected(item, options)) };
  };

  watch: KubeClient['watch'] = (type, options) => this.#watch(type, options);

  create: KubeClient['create'] = async (type, object) => {
    await Promise.resolve();
    this.beforeWrite('create', type, object.metadata);
    const history = this.kind(type);
    if (history.objects.has(objectKey(object.metadata))) {
      throw refusal(409, 'AlreadyExists', type, object.metadata, 'already exists');
    }
    return history.put(object.metadata, object);
  };

  /** Merge patches of `data` only. */
  patch: KubeClient['patch'] = async (type, ref, patch) => {
    await Promise.resolve();
    this.beforeWrite('patch', type, ref);
    const before = this.#find(type, ref);
    const changes = isRecord(patch) && isRecord(patch['data']) ? patch['data'] : {};
    const data = { ...(isRecord(before['data']) ? before['data'] : {}), ...changes };
    return this.kind(type).put(ref, { ...before, data });
  };

  remove: KubeClient['remove'] = async (type, ref) => {
    await Promise.resolve();
    this.beforeWrite('remove', type, ref);
    this.#find(type, ref);
    this.kind(type).remove(ref);
  };

  async *#watch(...[type, options]: Parameters<KubeClient['watch']>) {
    for await (const event of this.kind(type).watch(type, options)) {
      if (event.type === 'BOOKMARK' || isSelected(event.object, options)) yield event;
    }
  }

  #find(type: ResourceType, ref: ObjectRef): KubeObject {
    const object = this.kind(type).objects.get(objectKey(ref));
    if (!object) throw refusal(404, 'NotFound', type, ref, 'not found');
    return object;
  }
}

/** `metadata.name=x` is the only field selector that the fake knows. */
function isSelected(
  { metadata }: KubeObject,
  options: { readonly namespace?: string | undefined; readonly fieldSelector?: string | undefined },
): boolean {
  const [, name] = /^metadata\.name=(.+)$/.exec(options.fieldSelector ?? '') ?? [];
  if (name !== undefined && metadata.name !== name) return false;
  return options.namespace === undefined || metadata.namespace === options.namespace;
}

export function refusal(
  code: number,
  reason: string,
  type: ResourceType,
  { name }: ObjectRef,
  what: string,
): KubeStatusError {
  const message = `${resourceName(type)} "${name}" ${what}`;
  const details = { causes: [], retryAfterSeconds: undefined };
  return new KubeStatusError({ code, reason, message, details });
}
