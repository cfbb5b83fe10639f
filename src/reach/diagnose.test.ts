import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { diagnose } from './diagnose.ts';
import { ReachLibrary } from './fake-library.ts';

const { mesh } = new ReachLibrary();
const REF = { kind: 'AuthorizationPolicy', namespace: 'default', name: 'p' };

const written = (spec: string, head = ''): string => `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: p
  namespace: default
${head}spec:
${spec}`;

const RULE = (source: string): string =>
  written(`  rules:
    - from:
        - source:
            ${source}
`);

type Row = { readonly yaml: string; readonly says: readonly string[]; readonly isGood?: boolean };

const ROWS: Readonly<Record<string, Row>> = {
  'nothing is wrong': { yaml: RULE('namespaces: [library]'), says: [], isGood: true },
  'no YAML': { yaml: 'a: [1', says: ['error 1:6 ', 'Flow sequence'] },
  'an unknown field': {
    yaml: RULE('namespace: [library]'),
    says: ['error 10:13 unknown field "spec.rules[0].from[0].source.namespace"'],
  },
  'a value that is none': {
    yaml: RULE("ipBlocks: ['10.0.0.300']"),
    says: ['error 10:24 ', 'must be an IP address or a CIDR'],
  },
  'another object': {
    yaml: RULE('namespaces: [library]').replace('name: p', 'name: q'),
    says: ['error 4:3 must be p here'],
  },
  'another kind': {
    yaml: 'apiVersion: v1\nkind: Secret\nmetadata: { name: p }\n',
    says: ['error 2:1 must be AuthorizationPolicy here', 'error 1:1 is no kind'],
  },
  'several documents': { yaml: 'a: 1\n---\nb: 2\n', says: ['error 0:0 one document'] },
  'a namespace that there is not': {
    yaml: RULE('namespaces: [librari]'),
    says: ['warning 10:26 nothing of the mesh is in namespace librari; did you mean library?'],
    isGood: true,
  },
  'a principal that nobody has': {
    yaml: RULE('principals: [cluster.local/ns/library/sa/inventry]'),
    says: [
      'warning 10:26 no workload uses service account library/inventry; did you mean library/',
    ],
    isGood: true,
  },
  'a trust domain of others': {
    yaml: RULE('principals: [lab/ns/library/sa/inventory]'),
    says: ['warning 10:26 the mesh does not trust lab'],
    isGood: true,
  },
  'a label that nobody has': {
    yaml: written('  selector:\n    matchLabels:\n      app: dbx\n'),
    says: ['warning 9:7 no workload has the label app: dbx'],
    isGood: true,
  },
  'a port that nobody serves': {
    yaml: written(`  selector: { matchLabels: { app: db } }
  rules: [{ to: [{ operation: { ports: ['5433'] } }] }]
`),
    says: ['warning 8:41 no workload that is selected serves port 5433; they serve 5432'],
    isGood: true,
  },
  'what TCP does not have': {
    yaml: written(`  rules:
    - to: [{ operation: { methods: [GET] } }]
`),
    says: ['info 8:7 on TCP ports, which have no to.operation.methods'],
    isGood: true,
  },
};

describe('what is wrong with a policy, and where', () => {
  for (const [title, { yaml, says, isGood = false }] of Object.entries(ROWS)) {
    test(title, () => {
      const { diagnostics, object } = diagnose(mesh, REF, yaml);
      const text = diagnostics
        .map((it) => `${it.severity} ${it.line}:${it.column} ${it.message}`)
        .join('\n');
      for (const part of says) assert(text.includes(part), `${part}\nin\n${text}`);
      if (says.length === 0) assert.equal(text, '');
      assert.equal(object !== undefined, isGood);
    });
  }
});

test('a text without end is not read', () => {
  const { diagnostics } = diagnose(mesh, REF, 'x'.repeat(300_000));
  assert.deepEqual(
    diagnostics.map(({ message }) => message),
    ['longer than 256 KiB'],
  );
});

test('aliases that explode are refused', () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghi'.split('').map((name, index) => {
      const before = 'abcdefgh'[index];
      return `${name}: &${name} [${`*${before},`.repeat(9)}]`;
    }),
  ].join('\n');
  const { object, diagnostics } = diagnose(mesh, REF, bomb);
  assert.equal(object, undefined);
  assert.equal(diagnostics.length, 1);
});

test('of names that nobody has a hundred are told, and of twenty what might be meant', () => {
  const names = Array.from({ length: 16 }, (_, index) => `librar${index}`).join(', ');
  const rule = `    - from: [{ source: { namespaces: [${names}] } }]\n`;
  const { diagnostics } = diagnose(mesh, REF, written(`  rules:\n${rule.repeat(400)}`));
  assert.equal(diagnostics.length, 100);
  const hints = diagnostics.filter(({ message }) => message.includes('did you mean library?'));
  assert.equal(hints.length, 20);
});
