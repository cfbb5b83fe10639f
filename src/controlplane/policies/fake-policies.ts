// For tests: an API server's policies as users write them, with versions, refusals and admission.
import { objectKey, type KubeObject, type ObjectRef } from '#kube/objects.ts';
import { AUTHORIZATION_POLICY, apiVersionOf, type ResourceType } from '#kube/resources.ts';
import { refusal } from '#kube/fake-kube-client.ts';
import type { PolicyClient } from './keeper.ts';
import type { PolicyRecord, PolicyStore } from './store.ts';

export class FakePolicies implements PolicyClient {
  readonly #objects = new Map<string, KubeObject>();
  #version = 1;
  /** `kim update default/p`, in order. */
  readonly writes: string[] = [];
  readonly #written = new EventTarget();
  /** Who may read, and nothing else. */
  readonly viewers = new Set<string>();
  /** Kinds that nobody may list. */
  hidden: ReadonlySet<string> = new Set();
  /** What the server makes of an object before it stores it. */
  admit: (object: KubeObject) => KubeObject = (object) => object;

  /** As somebody else would write it. */
  put(name: string, spec: unknown, more: Partial<KubeObject['metadata']> = {}): KubeObject {
    const metadata = { name, namespace: 'default', ...more };
    return this.putOf(AUTHORIZATION_POLICY, { metadata, spec });
  }

  /** The same of any kind. */
  putOf(type: ResourceType, object: KubeObject): KubeObject {
    return this.#store(type, object);
  }

  /** All that is kept, as a watch would tell it. */
  all(): readonly KubeObject[] {
    return [...this.#objects.values()];
  }

  /** Resolves once so many writes were made in users' names. */
  async untilWrites(count: number): Promise<void> {
    while (this.writes.length < count) {
      await new Promise((resolve) => {
        this.#written.addEventListener('written', resolve, { once: true });
      });
    }
  }

  find(name: string): KubeObject | undefined {
    return this.#objects.get(keyOf(AUTHORIZATION_POLICY, { namespace: 'default', name }));
  }

  removeNow(name: string): void {
    this.#objects.delete(keyOf(AUTHORIZATION_POLICY, { namespace: 'default', name }));
  }

  /** Only what policies need of a client. */
  as: PolicyClient['as'] = ({ username }) => {
    return {
      get: (type, ref) => this.#soon(() => this.#get(type, ref)),
      list: (type, { namespace } = {}) =>
        this.#soon(() => ({
          items: this.#listed(type).filter(
            ({ metadata }) => !namespace || metadata.namespace === namespace,
          ),
          resourceVersion: String(this.#version),
          continueToken: undefined,
        })),
      create: (type, object) =>
        this.#soon(() => {
          this.#check(username, 'create', type, object.metadata);
          if (this.#objects.has(keyOf(type, object.metadata))) {
            throw refusal(409, 'AlreadyExists', type, object.metadata, 'already exists');
          }
          return this.#store(type, this.admit(object));
        }),
      update: (type, object) =>
        this.#soon(() => {
          this.#check(username, 'update', type, object.metadata);
          const before = this.#get(type, object.metadata);
          const { resourceVersion } = object.metadata;
          if (resourceVersion && resourceVersion !== before.metadata.resourceVersion) {
            throw refusal(409, 'Conflict', type, object.metadata, 'was modified');
          }
          return this.#store(type, this.admit(object));
        }),
      /** Of nothing only: to ask whether the user may. */
      patch: (type, ref) =>
        this.#soon(() => {
          this.#check(username, 'patch', type, ref);
          return this.#get(type, ref);
        }),
      remove: (type, ref) =>
        this.#soon(() => {
          this.#check(username, 'remove', type, ref);
          this.#get(type, ref);
          this.#objects.delete(keyOf(type, ref));
          this.#written.dispatchEvent(new Event('written'));
        }),
    };
  };

  #listed(type: ResourceType): readonly KubeObject[] {
    if (this.hidden.has(type.kind)) {
      throw refusal(403, 'Forbidden', type, { name: '' }, 'is forbidden');
    }
    return [...this.#objects]
      .filter(([key]) => key.startsWith(`${type.kind} `))
      .map(([, object]) => object);
  }

  async #soon<T>(work: () => T): Promise<T> {
    await Promise.resolve();
    return work();
  }

  #get(type: ResourceType, ref: ObjectRef): KubeObject {
    const found = this.#objects.get(keyOf(type, ref));
    if (!found) throw refusal(404, 'NotFound', type, ref, 'not found');
    return found;
  }

  #check(username: string, verb: string, type: ResourceType, ref: ObjectRef): void {
    if (this.viewers.has(username)) throw refusal(403, 'Forbidden', type, ref, 'is forbidden');
    this.writes.push(`${username} ${verb} ${objectKey(ref)}`);
  }

  #store(type: ResourceType, object: KubeObject): KubeObject {
    this.#version += 1;
    const stored = {
      ...object,
      apiVersion: apiVersionOf(type),
      kind: type.kind,
      metadata: {
        creationTimestamp: '2026-11-01T00:00:00Z',
        ...object.metadata,
        uid: 'u',
        resourceVersion: String(this.#version),
      },
    };
    this.#objects.set(keyOf(type, object.metadata), stored);
    this.#written.dispatchEvent(new Event('written'));
    return stored;
  }
}

const keyOf = ({ kind }: ResourceType, ref: ObjectRef): string => `${kind} ${objectKey(ref)}`;

/** A disk that outlives whoever writes to it. */
export class FakeStore implements PolicyStore {
  records: readonly PolicyRecord[] = [];

  load: PolicyStore['load'] = async () => {
    await Promise.resolve();
    return this.records;
  };

  save: PolicyStore['save'] = async (records) => {
    await Promise.resolve();
    this.records = structuredClone(records);
  };
}
