// deploy/rbac.yaml brings to a real cluster what the embedded server begins with.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isKubeObject } from '#kube/objects.ts';
import { parseAllDocuments } from 'yaml';
import { BOOTSTRAP_ROLES } from './bootstrap-roles.ts';

const FILE = new URL('../../../deploy/rbac.yaml', import.meta.url);

const deployed = parseAllDocuments(readFileSync(FILE, 'utf8'))
  .map((document): unknown => document.toJS())
  .filter(isKubeObject);

for (const name of ['isthmus-viewer', 'isthmus-editor', 'isthmusd', 'isthmusd-impersonator']) {
  test(`the role ${name} is the same everywhere`, () => {
    const role = deployed.find(
      ({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === name,
    );
    const own = BOOTSTRAP_ROLES.find((one) => one.name === name);
    assert(role && own);
    assert.deepEqual(role['rules'], own.rules);
  });
}

test('nobody but the control plane may act as others', () => {
  const acting = BOOTSTRAP_ROLES.filter(({ rules }) =>
    rules.some(({ verbs }) => verbs.includes('impersonate') || verbs.includes('*')),
  );
  assert.deepEqual(
    acting.map(({ name }) => name),
    ['cluster-admin', 'isthmusd-impersonator'],
  );
});
