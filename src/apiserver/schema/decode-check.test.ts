import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../object.ts';
import { TYPES } from '../types/tables.ts';
import { builtInKindSchema, builtInSchema } from './built-in.ts';
import { findDecodeProblem } from './decode-check.ts';
import { pruneUnknown } from './prune.ts';

const SERVICE = builtInKindSchema('core.Service');
const SECRET = builtInKindSchema('core.Secret');
const POD = builtInKindSchema('core.Pod');

/** As Go's decoder words it; undefined: the value fits. */
const CASES: readonly (readonly [typeof SERVICE, Json, string | undefined])[] = [
  [SERVICE, { spec: { ports: [{ port: 80, targetPort: 'http' }] } }, undefined],
  [
    SERVICE,
    { spec: { ports: [{ port: 'x' }] } },
    'json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32',
  ],
  [
    SERVICE,
    { spec: { ports: {} } },
    'json: cannot unmarshal object into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort',
  ],
  [
    SERVICE,
    { spec: { ports: [{ port: 1.5 }] } },
    'json: cannot unmarshal number 1.5 into Go struct field ServicePort.spec.ports.port of type int32',
  ],
  [
    SERVICE,
    { spec: { ports: [{ port: 2 ** 31 }] } },
    'json: cannot unmarshal number 2147483648 into Go struct field ServicePort.spec.ports.port of type int32',
  ],
  [
    SERVICE,
    { metadata: { labels: { a: 1 } } },
    'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
  ],
  [
    SERVICE,
    { spec: 'x' },
    'json: cannot unmarshal string into Go struct field Service.spec of type v1.ServiceSpec',
  ],
  [SECRET, { data: { a: 'aGk=' } }, undefined],
  [SECRET, { data: { a: 'not base64!' } }, 'illegal base64 data'],
  [POD, { metadata: { creationTimestamp: '2026-11-22T12:00:00Z' } }, undefined],
  [
    POD,
    { spec: { containers: [{ resources: { limits: { cpu: '500m', memory: 1 } } }] } },
    undefined,
  ],
  [
    POD,
    { spec: { containers: [{ resources: { limits: { cpu: 'much' } } }] } },
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  ],
];

for (const [schema, value, expected] of CASES) {
  test(`${JSON.stringify(value)}: ${expected ?? 'fits'}`, () => {
    assert.equal(findDecodeProblem(schema, value), expected);
  });
}

test('every type in the field tables has a schema', () => {
  for (const name of TYPES.keys()) assert.equal(builtInSchema(name).type, 'object');
});

test('no type uses a field name or number twice', () => {
  for (const [name, fields] of TYPES) {
    const onWire = fields.filter((field) => field.number > 0);
    assert.equal(new Set(onWire.map((field) => field.number)).size, onWire.length, name);
    const names = fields.filter((field) => !field.isEmbedded).map((field) => field.name);
    assert.equal(new Set(names).size, names.length, name);
  }
});

test('in built-in types a null is an absent field, in a map or a list the zero of its type', () => {
  const value = {
    metadata: { name: 'a', labels: { a: null, b: 'c' }, annotations: null },
    spec: { containers: [null, { name: 'c', args: [null] }], nodeName: null },
  };
  assert.deepEqual(pruneUnknown(POD, value).value, {
    metadata: { name: 'a', labels: { a: '', b: 'c' } },
    spec: { containers: [{}, { name: 'c', args: [''] }] },
  });
});
