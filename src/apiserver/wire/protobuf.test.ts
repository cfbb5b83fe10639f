import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestServer } from '../../../test/fakes/api-core.ts';
import { objectAt } from '../object.ts';
import { readKubernetesProtobuf } from './kubernetes-protobuf.ts';
import { ProtobufError } from './protobuf-reader.ts';

// Enough of an encoder to write what clients send.
function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return bytes;
}

type Part = readonly [number: number, value: string | bigint | readonly Part[] | Uint8Array];

function message(...parts: readonly Part[]): Uint8Array {
  const bytes = parts.flatMap(([number, value]) => {
    if (typeof value === 'bigint') return [...varint(BigInt(number << 3)), ...varint(value)];
    const content =
      typeof value === 'string'
        ? Buffer.from(value)
        : value instanceof Uint8Array
          ? value
          : message(...value);
    const tag = varint(BigInt((number << 3) | 2));
    return [...tag, ...varint(BigInt(content.length)), ...content];
  });
  return Uint8Array.from(bytes);
}

function body(apiVersion: string, kind: string, ...parts: readonly Part[]): Uint8Array {
  const typeMeta: Part = [
    1,
    [
      [1, apiVersion],
      [2, kind],
    ],
  ];
  const unknown = message(typeMeta, [2, message(...parts)], [3, ''], [4, '']);
  return Buffer.concat([Buffer.from('k8s\0'), unknown]);
}

const META_A: Part = [
  1,
  [
    [1, 'a'],
    [2, ''],
    [3, 'default'],
    [8, message()],
  ],
];

test('names, maps, bytes and times are read; what nobody set is left out', () => {
  const secret = body(
    'v1',
    'Secret',
    [
      1,
      [
        [1, 's'],
        [3, ''],
        [7, 0n],
        [
          8,
          [
            [1, 1_795_348_800n],
            [2, 0n],
          ],
        ],
        [
          11,
          [
            [1, 'app'],
            [2, 'x'],
          ],
        ],
      ],
    ],
    [
      2,
      [
        [1, 'k'],
        [2, Uint8Array.of(1, 2, 3)],
      ],
    ],
    [
      2,
      [
        [1, 'l'],
        [2, 'hi'],
      ],
    ],
    [3, 'Opaque'],
  );
  assert.deepEqual(readKubernetesProtobuf(secret), {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's', creationTimestamp: '2026-11-22T12:00:00Z', labels: { app: 'x' } },
    data: { k: 'AQID', l: 'aGk=' },
    type: 'Opaque',
  });
});

test('lists, int-or-string, embedded types, and zeros that mean something', () => {
  const port: Part = [
    1,
    [
      [1, 'http'],
      [3, 80n],
      [
        4,
        [
          [1, 1n],
          [2, 0n],
          [3, 'web'],
        ],
      ],
    ],
  ];
  const other: Part = [
    1,
    [
      [3, 81n],
      [
        4,
        [
          [1, 0n],
          [2, 8081n],
          [3, ''],
        ],
      ],
      [5, 0n],
    ],
  ];
  assert.deepEqual(readKubernetesProtobuf(body('v1', 'Service', META_A, [2, [port, other]])), {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'a', namespace: 'default' },
    spec: {
      ports: [
        { name: 'http', port: 80, targetPort: 'web' },
        { port: 81, targetPort: 8081 },
      ],
    },
  });
  const deployment = body('apps/v1', 'Deployment', META_A, [
    2,
    [
      [1, 0n],
      [5, 0n],
    ],
  ]);
  assert.deepEqual(objectAt(Object(readKubernetesProtobuf(deployment)), 'spec'), { replicas: 0 });
  const claim: Part = [4, [[1, [[1, 'data']]]]];
  const set = readKubernetesProtobuf(body('apps/v1', 'StatefulSet', META_A, [2, [claim]]));
  assert.deepEqual(Object(set).spec.volumeClaimTemplates, [{ metadata: { name: 'data' } }]);
  // what JSON alone has is no field on the wire
  const strange = readKubernetesProtobuf(
    body('apps/v1', 'StatefulSet', META_A, [2, [[4, [[0, 'v2']]]]]),
  );
  assert.deepEqual(Object(strange).spec.volumeClaimTemplates, [{}]);
  const volume: Part = [
    1,
    [
      [1, 'v'],
      [2, [[6, [[1, 'secret']]]]],
    ],
  ];
  const pod = readKubernetesProtobuf(body('v1', 'Pod', META_A, [2, [volume]]));
  assert.deepEqual(Object(pod).spec.volumes, [{ name: 'v', secret: { secretName: 'secret' } }]);
});

test('negative numbers, lists within maps, and options of requests', () => {
  const options = body('v1', 'DeleteOptions', [1, -1n], [4, 'Background']);
  assert.deepEqual(readKubernetesProtobuf(options), {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    gracePeriodSeconds: -1,
    propagationPolicy: 'Background',
  });
  const extra: Part = [
    5,
    [
      [1, 'k'],
      [
        2,
        [
          [1, 'x'],
          [1, 'y'],
        ],
      ],
    ],
  ];
  const review = body('authorization.k8s.io/v1', 'SubjectAccessReview', [2, [[3, 'u'], extra]]);
  assert.deepEqual(Object(readKubernetesProtobuf(review)).spec, {
    user: 'u',
    extra: { k: ['x', 'y'] },
  });
});

test('kinds that are not known, and broken bytes, are refused with the reason', () => {
  const refused = (bytes: Uint8Array, why: RegExp) =>
    assert.throws(
      () => readKubernetesProtobuf(bytes),
      (error) => error instanceof ProtobufError && why.test(error.message),
    );
  refused(Buffer.from('{"a":1}'), /does not begin/);
  refused(
    body('networking.k8s.io/v1', 'Ingress', META_A),
    /Ingress in networking.k8s.io\/v1 cannot be read as protobuf: send JSON/,
  );
  const whole = body('v1', 'ConfigMap', META_A, [
    2,
    [
      [1, 'k'],
      [2, 'v'],
    ],
  ]);
  refused(whole.subarray(0, whole.length - 3), /the message ends within/);
  refused(body('v1', 'ConfigMap', [1, 5n]), /of another type/);
});

test('the server takes protobuf bodies and answers with JSON', async () => {
  await using server = await TestServer.start();
  const created = await server.ok('POST', '/api/v1/namespaces/default/configmaps', {
    body: body('v1', 'ConfigMap', META_A, [
      2,
      [
        [1, 'k'],
        [2, 'v'],
      ],
    ]),
    headers: { 'content-type': 'application/vnd.kubernetes.protobuf' },
  });
  assert.deepEqual(created['data'], { k: 'v' });
});
