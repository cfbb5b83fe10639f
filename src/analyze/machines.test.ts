import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyze } from './analyze.ts';
import { machines } from './analyzers/machines.ts';
import { notActedOnHere } from './analyzers/not-acted-on.ts';
import { readManifests } from './documents.ts';
import { meshSettingsOf } from './mesh-settings.ts';
import { Snapshot } from './snapshot.ts';

const entry = (name: string, spec: string): string => `apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: ${name}}
spec: ${spec}
`;

const service = (selector: string, targetPort: string): string => `apiVersion: v1
kind: Service
metadata: {name: db}
spec: {selector: ${selector}, ports: [{port: 5432, targetPort: ${targetPort}}]}
`;

function codes(...documents: readonly string[]): readonly string[] {
  const { resources } = readManifests(documents.join('---\n'), 'a.yaml', 'shop');
  const snapshot = new Snapshot(resources, meshSettingsOf(undefined));
  const found = analyze(snapshot, [machines, notActedOnHere]);
  return found.map(({ code, place }) => `${code} ${place.resource.name}`);
}

const VM = '{address: 10.0.0.1, labels: {app: db}, ports: {pg: 5432}}';

test('an entry that a Service selects, with its port, is as it should be', () => {
  assert.deepEqual(codes(entry('vm', VM), service('{app: db}', 'pg')), []);
  assert.deepEqual(codes(entry('vm', VM), service('{app: db}', '5432')), []);
});

test('what is wrong with machines is said', () => {
  assert.deepEqual(codes(entry('vm', VM)), ['ISM0101 vm']);
  assert.deepEqual(codes(entry('vm', VM), service('{app: web}', 'pg')), ['ISM0101 vm']);
  assert.deepEqual(codes(entry('vm', VM), service('{app: db}', 'sql')), ['ISM0103 vm']);
  assert.deepEqual(codes(entry('a', VM), entry('b', VM), service('{app: db}', 'pg')), [
    'ISM0104 a',
    'ISM0104 b',
  ]);
  const hosts = 'hosts: [db.example.com], ports: [{number: 5432, name: tcp, protocol: TCP}]';
  const entryOf = (app: string): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: out}
spec: {${hosts}, resolution: STATIC, workloadSelector: {labels: {app: ${app}}}}
`;
  assert.deepEqual(codes(entry('vm', VM), entryOf('db')), []);
  assert.deepEqual(codes(entryOf('db')), ['ISM0102 out']);
});

test('what nothing acts on is named', () => {
  const route = `apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: {name: web}
`;
  const filter = `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: patch}
spec: {}
`;
  assert.deepEqual(codes(route, filter), ['ISM0001 patch', 'ISM0002 web']);
});
