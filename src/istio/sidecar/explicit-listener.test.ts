import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSidecar } from './sidecar.ts';

const remarksOf = (spec: object): readonly string[] => {
  const metadata = { name: 'db', namespace: 'default' };
  const parsed = parseSidecar({ metadata, spec });
  assert(parsed.ok, JSON.stringify(parsed));
  return parsed.value.remarks.map(({ field }) => field);
};
const port = { number: 5432, name: 'tcp', protocol: 'TCP' };
const hosts = ['*/*'];

test('a listener with an address of its own needs no remark', () => {
  const bind = '127.0.0.11';
  const ingress = [{ port, bind, captureMode: 'NONE', defaultEndpoint: '127.0.0.1:5432' }];
  const egress = [
    { port, bind, captureMode: 'NONE', hosts },
    { captureMode: 'NONE', hosts },
  ];
  assert.deepEqual(remarksOf({ ingress, egress }), []);
});

test('what nothing is made of is said', () => {
  const socket = { port: { ...port, number: 0 }, bind: 'unix:///run/db', captureMode: 'NONE' };
  const captured = { port, bind: '127.0.0.11' };
  const itself = '127.0.0.1';
  const ingress = [
    { port, bind: itself, captureMode: 'NONE', defaultEndpoint: `${itself}:5432` },
    { ...captured, port: { ...port, number: 5433 } },
  ];
  assert.deepEqual(
    remarksOf({
      ingress,
      egress: [
        { ...socket, hosts },
        { ...captured, hosts },
      ],
    }),
    [
      'spec.egress[0].bind',
      'spec.egress[1].bind',
      'spec.ingress[0].defaultEndpoint',
      'spec.ingress[1].bind',
    ],
  );
});
