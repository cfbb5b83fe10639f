import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyze } from './analyze.ts';
import type { AnalysisOptions } from './analyze.ts';
import { ANALYZERS } from './analyzers.ts';
import { readManifests } from './documents.ts';
import { meshSettingsOf } from './mesh-settings.ts';
import { renderMessage } from './message.ts';
import { Snapshot } from './snapshot.ts';

const ROUTE = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: books
spec:
  hosts: [books]
  http:
  - route:
    - destination:
        host: bokos
`;

const SIDECAR = (name: string, namespace: string): string => `apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  workloadSelector: {labels: {app: none}}
  egress: [{hosts: ["./*"]}]
`;

function said(text: string, options: AnalysisOptions = {}): readonly string[] {
  const { resources, problems } = readManifests(text, 'a.yaml', 'shop');
  assert.deepEqual(problems, []);
  const snapshot = new Snapshot(resources, meshSettingsOf(undefined));
  const isthmusOnly = ANALYZERS.filter(({ name }) => !name.startsWith('isthmus.'));
  return analyze(snapshot, isthmusOnly, options).map((message) => renderMessage(message));
}

test('a message names the object, its file, and the line of the field', () => {
  assert.deepEqual(said(ROUTE), [
    'Error [IST0101] (VirtualService shop/books a.yaml:10) Referenced host not found: "bokos"',
  ]);
});

test('the worst comes first, each once, and only of the namespace', () => {
  const service = `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}]}
`;
  const all = [service, ROUTE, ROUTE, SIDECAR('a', 'shop'), SIDECAR('b', 'other')].join('---\n');
  const codes = (options: AnalysisOptions): readonly string[] =>
    said(all, options).map((line) => line.replace(/ \S+:\d+\).*/, ')'));
  assert.deepEqual(codes({ namespace: 'shop' }), [
    'Error [IST0101] (Sidecar shop/a)',
    'Error [IST0101] (VirtualService shop/books)',
    'Info [IST0118] (Service shop/web)',
  ]);
  assert.equal(codes({}).length, 4);
});

test('a message is suppressed by a pattern, or by an annotation of the object', () => {
  const suppress = (resource: string): number =>
    said(ROUTE, { suppressions: [{ code: 'IST0101', resource }] }).length;
  assert.equal(suppress('VirtualService shop/books'), 0);
  assert.equal(suppress('VirtualService *'), 0);
  assert.equal(suppress('*/b*ks'), 0);
  assert.equal(suppress('VirtualService shop/*x'), 1);
  assert.equal(suppress('Gateway *'), 1);
  const annotated = (codes: string): string =>
    ROUTE.replace(
      'books\n',
      `books\n  annotations: {galley.istio.io/analyze-suppress: "${codes}"}\n`,
    );
  assert.deepEqual(said(annotated('IST0001,IST0101')), []);
  assert.deepEqual(said(annotated('*')), []);
  assert.equal(said(annotated('IST0102')).length, 1);
});

test('what is no manifest is a problem with its line; the rest is read', () => {
  const text = `${ROUTE}---\nkind: Nothing\n---\n\n---\na: [\n`;
  const { resources, problems } = readManifests(text, 'a.yaml', '');
  assert.equal(resources.length, 1);
  assert.equal(resources[0]?.namespace, '');
  assert.deepEqual(
    problems.map(({ line }) => line),
    [12, 16],
  );
});

test('items of a List are objects with lines of their own; JSON has no lines', () => {
  const list = `apiVersion: v1\nkind: List\nitems:\n${ROUTE.replaceAll(/^/gm, '  ').replace('  api', '- api')}`;
  const [message] = said(list.trimEnd());
  assert.match(message ?? '', /^Error \[IST0101\] \(VirtualService shop\/books a\.yaml:13\)/);
  const { resources } = readManifests(
    JSON.stringify({ kind: 'X', apiVersion: 'v1', metadata: { name: 'x' } }),
    'a.json',
    '',
  );
  assert.equal(resources[0]?.origin?.lineOf(['metadata', 'name']), undefined);
});

test('aliases that multiply are refused, not built', () => {
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef']) {
    bomb.push(`${to}: &${to} [${Array(10).fill(`*${from}`).join(',')}]`);
  }
  const { resources, problems } = readManifests(bomb.join('\n'), 'a.yaml', '');
  assert.deepEqual(resources, []);
  assert.equal(problems[0]?.problem, 'aliases without end');
});

test('every analyzer has a name of its own, and every code one meaning', () => {
  const names = ANALYZERS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  const types = new Set(ANALYZERS.flatMap(({ finds }) => finds));
  assert.equal(new Set([...types].map(({ code }) => code)).size, types.size);
});
