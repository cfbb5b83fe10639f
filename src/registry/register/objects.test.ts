import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { KINDS } from '#istio/kinds.ts';
import { isOfKind, parseObject } from '#istio/kind.ts';
import { runCli } from '#cli/run.ts';
import { entryName, registrationObjects } from './objects.ts';
import { parseRegistration } from './request.ts';

const path = (name: string): string => fileURLToPath(new URL(`testdata/${name}`, import.meta.url));

test("the story's VM as manifests", async (t) => {
  const printed: string[] = [];
  const status = await runCli(['register', 'postgresql-1-vm', '10.128.0.14', '5432', '--dry-run'], {
    env: {},
    signal: new AbortController().signal,
    print: (text) => printed.push(text),
  });
  assert.equal(status, 0);
  const serializers = [(text: string) => `${text}\n`];
  t.assert.fileSnapshot(printed.join('\n'), path('postgresql-1-vm.golden'), { serializers });
});

test("every object is what its kind's schema allows", () => {
  const flags = { label: ['team=a'], 'service-account': 'sa', protocol: 'http' } as const;
  const operands = ['web', '2001:db8::5', '80', '9000:database'];
  const objects = registrationObjects(parseRegistration({ operands, flags }, 'shop'));
  const known = objects.flatMap(({ object }) =>
    KINDS.filter((kind) => isOfKind(kind, object)).map((kind) => ({ kind, object })),
  );
  assert(known.length >= 2, 'ServiceEntry and WorkloadEntry at least');
  for (const { kind, object } of known) {
    const result = parseObject(kind, object, (spec) => spec);
    assert(result.ok, JSON.stringify(result));
  }
});

test('entries are named as Istio names its own', () => {
  const rows: readonly [string, string][] = [
    ['10.0.0.1', 'db-10.0.0.1'],
    ['2001:db8::5', 'db-2001-db8--5'],
    ['2001:db8::', 'db-2001-db8--0'],
  ];
  for (const [address, name] of rows) assert.equal(entryName({ name: 'db', address }), name);
});
