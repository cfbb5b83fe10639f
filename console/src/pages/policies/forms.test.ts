import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { MeshNode } from '../../api/types.ts';
import { applyCommand, mergePatch, patchCommand, quoted } from './export.ts';
import { FORM_KINDS, formOf, labelsFrom, labelsText, unshown } from './forms.ts';
import { at } from './json.ts';
import type { Json } from './json.ts';
import { completionAt, liveNames } from './names.ts';
import { nameProblem, newPolicy, TEMPLATES } from './templates.ts';
import { editYaml, readYaml } from './yaml-edit.ts';

const node = (change: Partial<MeshNode>): MeshNode => ({
  id: 'wl:default/a',
  kind: 'pod',
  name: 'a',
  namespace: 'default',
  network: '',
  addresses: [],
  services: [],
  ports: [],
  version: '',
  identity: '',
  instances: [],
  health: 'unknown',
  certificate: null,
  join: null,
  state: 'member',
  changedAtMs: 0,
  ...change,
});

const NAMES = liveNames([
  node({ identity: 'spiffe://lab/ns/default/sa/library', services: ['books.default.svc'] }),
  node({
    name: 'pg',
    namespace: 'data',
    identity: 'spiffe://lab/ns/data/sa/pg',
    ports: [{ port: 5432, name: 'tcp-postgres', protocol: 'tcp', service: 'pg.data.svc' }],
  }),
]);

const completed = (text: string): readonly string[] => {
  const offset = text.indexOf('|');
  return completionAt(text.replace('|', ''), offset, NAMES)?.options ?? [];
};

test('live names complete values, wherever the list stands', () => {
  assert.deepEqual(completed('  principals: ["lab/ns/|'), NAMES.identities);
  assert.deepEqual(completed('  principals: ["a", |"]'), NAMES.identities);
  assert.deepEqual(completed('principals:\n- lab/ns/|'), NAMES.identities);
  assert.deepEqual(completed('principals:\n# who\n- a\n- |'), NAMES.identities);
  assert.deepEqual(completed('- from: [{source: {namespaces: [d|'), ['data', 'default']);
  assert.deepEqual(completed('  host: bo|'), ['books.default.svc']);
  assert.deepEqual(completed('action: |'), ['ALLOW', 'DENY', 'AUDIT', 'CUSTOM']);
  assert.deepEqual(completed('# action: |'), []);
  assert.deepEqual(completed('ports: ["|'), ['5432']);
  assert.deepEqual(completed('metadata:\n  name: |'), []);
  assert.deepEqual(completed('ports:\n- "1"\nname:\n  x: 1\n- |'), []);
});

test('what the form does not show is named', () => {
  const fields = formOf('AuthorizationPolicy') ?? [];
  const value: Json = {
    metadata: { name: 'x' },
    spec: {
      action: 'ALLOW',
      provider: { name: 'p' },
      rules: [{ from: [{ source: { principals: ['a'], remoteIpBlocks: ['10.0.0.0/8'] } }] }],
    },
  };
  assert.deepEqual(unshown(value, fields), [
    'provider.name',
    'rules[0].from[0].source.remoteIpBlocks[0]',
  ]);
  const ports: Json = { spec: { portLevelMtls: { 80: { mode: 'STRICT' } } } };
  assert.deepEqual(unshown(ports, formOf('PeerAuthentication') ?? []), []);
});

test('every template is YAML that its form shows as a whole', () => {
  const kinds = TEMPLATES.map(({ kind }) => kind);
  assert.deepEqual(kinds.slice(0, FORM_KINDS.length), FORM_KINDS);
  for (const { kind } of TEMPLATES) {
    const text = newPolicy(kind, 'default', 'on');
    const { value, problems } = readYaml(text);
    assert.deepEqual(problems, []);
    assert.equal(at(value, ['metadata', 'name']), 'on');
    const form = formOf(kind);
    if (!form) continue; // edited as YAML
    assert.deepEqual(unshown(value, form), []);
    const edited = editYaml(text, ['spec', 'selector', 'matchLabels', 'app'], 'x');
    for (const comment of text.match(/#.*/g) ?? []) assert.ok(edited.includes(comment));
  }
});

test('labels are typed as key=value', () => {
  assert.deepEqual(labelsFrom(' app=web,tier=a=b  x'), { app: 'web', tier: 'a=b', x: '' });
  assert.equal(labelsFrom(' , '), undefined);
  assert.equal(labelsText({ app: 'web', tier: 'a' }), 'app=web, tier=a');
});

test('a name is refused as Kubernetes would', () => {
  assert.equal(nameProblem('pg-allow.v1'), '');
  for (const name of ['', 'A', '-a', 'a-', 'a b', 'a'.repeat(254)])
    assert.notEqual(nameProblem(name), '');
});

test('a shell gets exactly the text, whatever is in it', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('it’s $HOME', '`id`', "a'b", '\\', 'EOF', 'EOF\nEOF_', '"'),
      (text) => {
        const command = applyCommand(text).replace(/^kubectl apply -f -/, 'cat');
        assert.equal(execFileSync('/bin/sh', ['-c', command], { encoding: 'utf8' }), `${text}\n`);
        const echoed = execFileSync('/bin/sh', ['-c', `printf %s ${quoted(text)}`], {
          encoding: 'utf8',
        });
        assert.equal(echoed, text);
      },
    ),
  );
});

test('a patch holds what differs and nothing else', () => {
  const before = { spec: { action: 'ALLOW', rules: [1], selector: { a: 'b' } } };
  const after = { spec: { action: 'DENY', rules: [1] } };
  assert.deepEqual(mergePatch(before, after), { spec: { action: 'DENY', selector: null } });
  assert.equal(
    patchCommand({ kind: 'AuthorizationPolicy', namespace: 'd', name: 'x' }, before, before),
    "kubectl patch authorizationpolicy x --namespace d --type merge --patch '{}'",
  );
});
