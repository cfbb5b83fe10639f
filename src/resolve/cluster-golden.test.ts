// The exact clusters of services under DestinationRules. test/envoy/cluster-validate.test.ts has
// Envoy read them; `node --test --test-update-snapshots src/resolve/cluster-golden.test.ts` writes
// them.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { renderGolden } from './golden.ts';
import { TYPE_URL } from './names.ts';
import { CLIENT, RulesWorld } from './rules-world.ts';
import { ask } from './simulate-call.ts';

const { cluster, endpoints } = TYPE_URL;
const SHOP = 'outbound|80|v1|shop.default.svc.cluster.local';

/** File → which resource. */
const GOLDENS: Readonly<Record<string, readonly [typeUrl: string, name: string]>> = {
  'cluster-subset': [cluster, SHOP],
  'cluster-dns-own-tls': [cluster, 'dst|240.240.0.9:5432'],
  'cluster-original-dst': [cluster, 'dst|198.51.100.7:443'],
  'endpoints-subset': [endpoints, SHOP],
};

for (const [file, [typeUrl, name]] of Object.entries(GOLDENS)) {
  test(`${file} is as it was`, async (t) => {
    const input = new URL('testdata/clusters/input.yaml', import.meta.url);
    const { catalog, mesh } = new RulesWorld(await readFile(input, 'utf8'));
    assert.deepEqual([...mesh.remarks.entries()], [], 'all that is said is acted on');
    const answer = ask(catalog, { proxy: CLIENT, typeUrl, name });
    assert(answer, `${name} is there`);
    const path = new URL(`testdata/clusters/${file}.golden`, import.meta.url);
    t.assert.fileSnapshot(renderGolden(typeUrl, answer), path.pathname, {
      serializers: [(text: string) => text],
    });
  });
}
