// The manifests and the programs fit together: every setting is there, every address leads to one.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { catalogueConfig } from '../catalogue/catalogue.ts';
import { frontConfig } from '../front/front.ts';
import { generatorConfig } from '../generator/generator.ts';
import { inventoryConfig } from '../inventory/inventory.ts';
import { recommendationsConfig } from '../recommendations/recommendations.ts';
import { isRecord } from '../shared/book.ts';
import { listOf } from '../shared/shelves.ts';
import type { Environment } from '../shared/program.ts';

type Tree = Readonly<Record<string, unknown>>;

const FOLDER = import.meta.dirname;
const objects: readonly Tree[] = globSync('*.yaml', { cwd: FOLDER })
  .toSorted()
  .flatMap((file) => parseAllDocuments(readFileSync(join(FOLDER, file), 'utf8')))
  .map((document): unknown => document.toJS())
  .filter(isRecord);

const CONFIGS: Readonly<Record<string, (env: Environment) => unknown>> = {
  front: frontConfig,
  catalogue: catalogueConfig,
  recommendations: recommendationsConfig,
  inventory: inventoryConfig,
  generator: generatorConfig,
};

/** What is at a path of keys and indexes; undefined where it ends early. */
const at = (value: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((found, key) => {
    if (Array.isArray(found)) return found[Number(key)];
    return isRecord(found) ? found[key] : undefined;
  }, value);

const ofKind = (kind: string): readonly Tree[] =>
  objects.filter((object) => object['kind'] === kind);
const nameOf = (object: unknown): string => String(at(object, 'metadata', 'name'));
const named = (kind: string, name: string): Tree | undefined =>
  ofKind(kind).find((object) => nameOf(object) === name);

function environmentOf(container: unknown): Environment {
  const env: Record<string, string> = {};
  for (const source of listOf(at(container, 'envFrom'))) {
    const data = at(named('ConfigMap', String(at(source, 'configMapRef', 'name'))), 'data');
    assert(isRecord(data), 'a ConfigMap that is not there');
    for (const [key, value] of Object.entries(data)) env[key] = String(value);
  }
  for (const entry of listOf(at(container, 'env'))) {
    const key = String(at(entry, 'name'));
    const reference = at(entry, 'valueFrom', 'secretKeyRef');
    const secret = named('Secret', String(at(reference, 'name')));
    const value = at(entry, 'value') ?? at(secret, 'stringData', String(at(reference, 'key')));
    assert.equal(typeof value, 'string', `${key} is no text`);
    env[key] = String(value);
  }
  return env;
}

test('there is a deployment for every service', () => {
  assert.deepEqual(ofKind('Deployment').map(nameOf).toSorted(), Object.keys(CONFIGS).toSorted());
});

for (const deployment of ofKind('Deployment')) {
  const name = nameOf(deployment);
  const pod = at(deployment, 'spec', 'template');
  const container = at(pod, 'spec', 'containers', 0);

  test(`${name}: its settings are all there and right`, () => {
    const env = environmentOf(container);
    CONFIGS[name]?.(env);
    assert.equal(Number(env['PORT']), at(container, 'ports', 0, 'containerPort'));
    for (const [key, value] of Object.entries(env).filter(([key]) => key.endsWith('_URL'))) {
      const host = new URL(value ?? '').host;
      const service = ofKind('Service').find(
        (found) => `${nameOf(found)}.library.svc.cluster.local` === host,
      );
      assert(service, `${key}=${value} leads nowhere`);
      assert.equal(at(service, 'spec', 'ports', 0, 'port'), 80);
    }
  });

  test(`${name}: its image is a program here, its account exists, its selector fits`, () => {
    assert.equal(at(container, 'image'), `isthmus.dev/library/${name}:1`);
    assert(existsSync(join(FOLDER, '..', name, 'main.ts')));
    assert(named('ServiceAccount', String(at(pod, 'spec', 'serviceAccountName'))));
    const labels = at(pod, 'metadata', 'labels');
    assert.deepEqual(at(deployment, 'spec', 'selector', 'matchLabels'), labels);
    assert.deepEqual(labels, { app: name, version: 'v1' });
  });
}

for (const service of ofKind('Service')) {
  test(`service ${nameOf(service)}: selects pods that listen on its target`, () => {
    const deployment = named('Deployment', String(at(service, 'spec', 'selector', 'app')));
    const container = at(deployment, 'spec', 'template', 'spec', 'containers', 0);
    const port = at(service, 'spec', 'ports', 0);
    assert.equal(at(port, 'targetPort'), at(container, 'ports', 0, 'containerPort'));
    assert.equal(at(port, 'name'), 'http');
  });
}

test('everything is in the library’s namespace, which takes part in the mesh', () => {
  assert.equal(
    at(named('Namespace', 'library'), 'metadata', 'labels', 'istio-injection'),
    'enabled',
  );
  assert.equal(objects[0]?.['kind'], 'Namespace', 'applied first');
  for (const object of objects.slice(1))
    assert.equal(at(object, 'metadata', 'namespace'), 'library');
});

test('browsers come in at the front', () => {
  const route = at(
    named('VirtualService', 'library'),
    'spec',
    'http',
    0,
    'route',
    0,
    'destination',
  );
  assert.deepEqual(route, { host: 'front.library.svc.cluster.local', port: { number: 80 } });
  assert.deepEqual(at(named('Gateway', 'library'), 'spec', 'servers', 0, 'hosts'), ['*']);
});

test('nothing in the programs knows of a mesh', () => {
  for (const file of globSync('**/*.{ts,js,html}', { cwd: join(FOLDER, '..') })) {
    if (file.endsWith('.test.ts')) continue;
    const text = readFileSync(join(FOLDER, '..', file), 'utf8');
    assert.doesNotMatch(text, /isthmus|istio|envoy|sidecar|\bmesh\b|from '#/i, file);
  }
});
