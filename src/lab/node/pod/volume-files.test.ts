import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeLookup, fakePod, PLACE } from './fake-pod.ts';
import { planVolumeFiles } from './volume-files.ts';

const lookup = fakeLookup({ 'secret/tls': { crt: 'C', key: 'K' }, 'configmap/conf': { a: 'A' } });

/** The volume's files as `path mode text`, or what is wrong. */
function filesOf(volume: Readonly<Record<string, unknown>>): readonly string[] | string {
  const pod = fakePod({ volumes: [{ name: 'v', ...volume }] });
  const [spec] = pod.spec.volumes;
  assert(spec?.source.kind === 'files');
  const token = ({ audience }: { audience: string }): string => `token for ${audience}`;
  const content = planVolumeFiles(spec.source, { pod, place: PLACE, lookup, token });
  if (!content.ok) return content.problem;
  return [...content.files].map(
    ([path, { mode, bytes }]) => `${path} ${mode.toString(8)} ${Buffer.from(bytes).toString()}`,
  );
}

const items = [{ key: 'key', path: 'private/tls.key', mode: 0o400 }];
const TOKEN = { path: 'token', audience: 'istio-ca', expirationSeconds: 43_200 };

const CASES: readonly [says: string, volume: object, expected: readonly string[] | string][] = [
  ['a Secret', { secret: { secretName: 'tls' } }, ['crt 644 C', 'key 644 K']],
  [
    'some of a Secret, with its own mode',
    { secret: { secretName: 'tls', items, defaultMode: 0o440 } },
    ['private/tls.key 400 K'],
  ],
  ['a ConfigMap', { configMap: { name: 'conf', defaultMode: 0o755 } }, ['a 755 A']],
  ['a missing one', { configMap: { name: 'no' } }, 'configmap "no" not found'],
  ['an optional one', { configMap: { name: 'no', optional: true } }, []],
  [
    'a missing key',
    { secret: { secretName: 'tls', items: [{ key: 'x', path: 'x' }] } },
    "couldn't find key x in Secret library/tls",
  ],
  [
    'an optional key',
    { secret: { secretName: 'tls', items: [{ key: 'x', path: 'x' }], optional: true } },
    [],
  ],
  [
    'a way out of the volume',
    { configMap: { name: 'conf', items: [{ key: 'a', path: '../a' }] } },
    'path "../a" leads out of the volume',
  ],
  [
    'labels',
    { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    ['labels 644 app="shelf"'],
  ],
  [
    'all in one, a later part before an earlier one',
    {
      projected: {
        sources: [
          { serviceAccountToken: TOKEN },
          { configMap: { name: 'conf', items: [{ key: 'a', path: 'same' }] } },
          { secret: { name: 'tls', items: [{ key: 'key', path: 'same' }] } },
        ],
      },
    },
    ['token 600 token for istio-ca', 'same 644 K'],
  ],
];

for (const [says, volume, expected] of CASES) {
  test(`volume: ${says}`, () => assert.deepEqual(filesOf({ ...volume }), expected));
}
