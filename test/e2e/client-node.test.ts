// A client that nobody here wrote: the informers and the object API of @kubernetes/client-node, on
// the embedded API server as a process of its own, of a core kind and of one of Istio's.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  ApiException,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
} from '@kubernetes/client-node';
import type { KubernetesListObject, KubernetesObject } from '@kubernetes/client-node';
import { SqliteStore } from '#apiserver/store/sqlite-store.ts';
import { customResourceDefinition } from '#istio/kind.ts';
import { serviceEntryKind } from '#istio/serviceentry/schema.ts';
import { until } from '#lab/eventually.ts';
import { ApiServerProcess } from './api-server.ts';

const NAMESPACE = 'default';
const DEFINITION = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};
const SERVICE_ENTRIES = '/apis/networking.istio.io/v1/namespaces/default/serviceentries';

let server: ApiServerProcess;
let config: KubeConfig;
let objects: KubernetesObjectApi;

before(async () => {
  server = await ApiServerProcess.start();
  config = new KubeConfig();
  config.loadFromFile(server.kubeconfig);
  objects = KubernetesObjectApi.makeApiClient(config);
  await defineServiceEntries();
});

after(async () => {
  await server[Symbol.asyncDispose]();
});

/** By our own client: to this one a definition is a type whose fields have names of their own. */
async function defineServiceEntries(): Promise<void> {
  const client = await server.client();
  const definition = await client.create(DEFINITION, customResourceDefinition(serviceEntryKind));
  const { name } = definition.metadata;
  await until('the kind', async () => {
    const { status } = await client.get(DEFINITION, { name });
    return JSON.stringify(status).includes('"Established","status":"True"');
  });
}

type Stored = KubernetesObject & { data?: unknown; spec?: unknown };

const configMap = (name: string, text = 'one'): Stored => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: NAMESPACE },
  data: { text },
});

const serviceEntry = (name: string, host = 'one.example'): Stored => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'ServiceEntry',
  metadata: { name, namespace: NAMESPACE },
  spec: {
    hosts: [host],
    ports: [{ number: 80, name: 'tcp', protocol: 'TCP' }],
    resolution: 'STATIC',
  },
});

type Subject = {
  readonly path: string;
  readonly list: () => Promise<KubernetesListObject<Stored>>;
  readonly make: (name: string, what?: string) => Stored;
};

const SUBJECTS: Readonly<Record<string, () => Subject>> = {
  'a core kind': () => ({
    path: `/api/v1/namespaces/${NAMESPACE}/configmaps`,
    list: () => config.makeApiClient(CoreV1Api).listNamespacedConfigMap({ namespace: NAMESPACE }),
    make: configMap,
  }),
  "one of Istio's kinds": () => ({
    path: SERVICE_ENTRIES,
    list: () =>
      config.makeApiClient(CustomObjectsApi).listNamespacedCustomObject({
        group: 'networking.istio.io',
        version: 'v1',
        namespace: NAMESPACE,
        plural: 'serviceentries',
      }),
    make: serviceEntry,
  }),
};

/** An informer, and what it has told so far. */
class Watched implements AsyncDisposable {
  readonly #informer: ReturnType<typeof makeInformer<Stored>>;
  readonly #told: string[] = [];
  /** How often it has listed, and not gone on from where it was. */
  lists = 0;
  #failed = Promise.withResolvers<unknown>();

  private constructor({ path, list }: Subject) {
    this.#informer = makeInformer(config, path, () => {
      this.lists += 1;
      return list();
    });
    for (const verb of ['add', 'update', 'delete'] as const) {
      this.#informer.on(verb, ({ metadata }) => this.#told.push(`${verb} ${metadata?.name}`));
    }
    this.#informer.on('error', (error: unknown) => this.#failed.resolve(error));
  }

  static async start(subject: Subject): Promise<Watched> {
    const watched = new Watched(subject);
    await watched.#informer.start();
    return watched;
  }

  /** Waits until it has told this since it was last asked. */
  async tells(...expected: readonly string[]): Promise<void> {
    const isTold = (): boolean => expected.every((one) => this.#told.includes(one));
    await until(expected.join(', '), async () => isTold());
    this.#told.length = 0;
  }

  /** Names of what it holds. */
  get names(): readonly string[] {
    return this.#informer.list(NAMESPACE).map(({ metadata }) => metadata?.name ?? '');
  }

  /** The connection to the server has been lost; it says so once. */
  async fails(): Promise<void> {
    await this.#failed.promise;
    this.#failed = Promise.withResolvers();
  }

  /** What its users do after an error. */
  async startAgain(): Promise<void> {
    await this.#informer.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#informer.stop();
  }
}

const PATCHES: readonly PatchStrategy[] = [PatchStrategy.MergePatch, PatchStrategy.ServerSideApply];

for (const [what, subjectOf] of Object.entries(SUBJECTS)) {
  test(`${what}: an informer sees what a client creates, patches and deletes`, async () => {
    const subject = subjectOf();
    await objects.create(subject.make('first'));
    await using watched = await Watched.start(subject);
    await watched.tells('add first');
    const created = await objects.create(subject.make('second'));
    assert.match(created.metadata?.uid ?? '', /^[0-9a-f-]{36}$/);
    await watched.tells('add second');
    for (const [index, strategy] of PATCHES.entries()) {
      const changed = subject.make('second', `changed-${index}.example`);
      await objects.patch(changed, undefined, undefined, 'client-node', true, strategy);
      await watched.tells('update second');
    }
    await objects.delete(created);
    await watched.tells('delete second');
    assert.deepEqual(watched.names.toSorted(), await namesNow(subject));
    await objects.delete(subject.make('first'));
  });

  test(`${what}: an informer goes on where it was after a restart of the server`, async () => {
    const subject = subjectOf();
    await using watched = await Watched.start(subject);
    await objects.create(subject.make('before'));
    await watched.tells('add before');
    await server.kill();
    await watched.fails();
    await server.restart();
    await objects.delete(subject.make('before'));
    await objects.create(subject.make('after'));
    await watched.startAgain();
    await watched.tells('delete before', 'add after');
    assert.equal(watched.lists, 1);
    await objects.delete(subject.make('after'));
    await watched.tells('delete after');
  });

  test(`${what}: an informer whose place in history is gone lists anew (410)`, async () => {
    const subject = subjectOf();
    await using watched = await Watched.start(subject);
    await objects.create(subject.make('missed'));
    await watched.tells('add missed');
    await server.kill();
    await watched.fails();
    await server.restart();
    await objects.delete(subject.make('missed'));
    await objects.create(subject.make('fresh'));
    await server.kill();
    forgetHistory();
    await server.restart();
    await watched.startAgain();
    await watched.tells('delete missed', 'add fresh');
    assert.equal(watched.lists, 2);
    await objects.delete(subject.make('fresh'));
    await watched.tells('delete fresh');
  });
}

async function namesNow({ list }: Subject): Promise<readonly string[]> {
  const { items } = await list();
  return items.map(({ metadata }) => metadata?.name ?? '').toSorted();
}

/** What the server itself does after ten thousand changes. */
function forgetHistory(): void {
  using store = SqliteStore.open(join(dirname(server.kubeconfig), 'apiserver.db'));
  store.compact(store.revision);
}

test('a refusal is the exception that its users know', async () => {
  const header = { apiVersion: 'v1', kind: 'ConfigMap' };
  const metadata = { name: 'nobody', namespace: NAMESPACE };
  await assert.rejects(objects.read({ ...header, metadata }), (error) => {
    assert(error instanceof ApiException);
    assert.equal(error.code, 404);
    assert.match(String(error.body), /configmaps \\?"nobody\\?" not found/);
    return true;
  });
});
