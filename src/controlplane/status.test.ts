// What is said of objects, and that it is said once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldsOf, objectsAt, type Fields } from '#kube/fields.ts';
import { parseIstioObject } from '#istio/parsers.ts';
import type { KubeObject } from '#kube/objects.ts';
import { parse } from 'yaml';
import { isKubeObject } from '#kube/objects.ts';
import { hasOwnStatus, planStatus, verdictOf } from './status.ts';

const NOW_MS = Date.parse('2026-11-22T12:00:00Z');

function objectOf(yaml: string): KubeObject {
  const object: unknown = parse(yaml);
  assert(isKubeObject(object));
  return object;
}

function plan(object: KubeObject, isFormerInForce = false, nowMs = NOW_MS): Fields | undefined {
  const result = parseIstioObject(object);
  assert(result);
  const verdict = verdictOf(result, { isFormerInForce, notes: [] });
  return planStatus(object, verdict, { kind: object.kind ?? '', nowMs });
}

/** The object once the patch is applied. */
const written = (object: KubeObject, status: Fields | undefined): KubeObject => ({
  ...object,
  status: Object.fromEntries(
    Object.entries({ ...fieldsOf(object.status), ...status }).filter(([, value]) => value !== null),
  ),
});

const conditionIn = (status: Fields | undefined): Fields | undefined =>
  objectsAt(status ?? {}, 'conditions').find(({ type }) => type === 'Accepted');

const GOOD = objectOf(`
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: a, generation: 1 }
spec: { mtls: { mode: STRICT } }
`);
const BAD = objectOf(`
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: a, generation: 2 }
spec: { mtls: { mode: STRCT }, portLevelMtls: { 80: {} }, extra: 1 }
`);

test('of a good object nothing is said', () => {
  assert.equal(plan(GOOD), undefined);
  assert.equal(hasOwnStatus(GOOD), false);
});

test('a refused object says why, where, and what is in force instead', () => {
  const status = plan(BAD);
  assert.deepEqual(conditionIn(status), {
    type: 'Accepted',
    status: 'False',
    reason: 'Invalid',
    message:
      'spec.mtls.mode: Unsupported value: "STRCT": supported values: "UNSET", "DISABLE", ' +
      '"PERMISSIVE", "STRICT"; unknown field "spec.extra" (nothing of it is in force)',
    lastTransitionTime: '2026-11-22T12:00:00Z',
    observedGeneration: '2',
  });
  assert.deepEqual(objectsAt(status ?? {}, 'validationMessages'), [
    {
      type: { code: 'IST0106', name: 'SchemaValidationError' },
      level: 'ERROR',
      documentationUrl: 'https://istio.io/latest/docs/reference/config/analysis/ist0106/',
    },
  ]);
  assert.match(String(conditionIn(plan(BAD, true))?.['message']), /before this one stays in force/);
});

test('what is said already is not said again', () => {
  const once = written(BAD, plan(BAD));
  assert.equal(plan(once, false, NOW_MS + 5_000), undefined);
});

test('a later form is said to be refused, too, since when it was', () => {
  const once = written(BAD, plan(BAD));
  const later = { ...once, metadata: { ...once.metadata, generation: 3 } };
  const condition = conditionIn(plan(later, false, NOW_MS + 5_000));
  assert.equal(condition?.['observedGeneration'], '3');
  assert.equal(condition['lastTransitionTime'], '2026-11-22T12:00:00Z');
});

test('a mended object says nothing any more, and keeps what others say', () => {
  const foreign = { type: 'Reconciled', status: 'True' };
  const message = { type: { code: 'IST0101' }, level: 'INFO' };
  const once = written(BAD, plan(BAD));
  const status = fieldsOf(once.status);
  const mended = {
    ...once,
    spec: GOOD.spec,
    status: {
      conditions: [foreign, ...objectsAt(status, 'conditions')],
      validationMessages: [message, ...objectsAt(status, 'validationMessages')],
    },
  };
  assert.equal(hasOwnStatus(mended), true);
  const after = plan(mended);
  assert.deepEqual(after, { conditions: [foreign], validationMessages: [message] });
  assert.equal(plan(written(mended, after)), undefined);
  const alone = written({ ...once, spec: GOOD.spec }, plan({ ...once, spec: GOOD.spec }));
  assert.deepEqual(alone.status, {}, 'nothing is left of it');
});

test('a kind that nothing acts on says so', () => {
  const condition = conditionIn(
    plan(
      objectOf(`
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: it, namespace: a }
spec: { url: oci://a.b/c }
`),
    ),
  );
  assert.equal(condition?.['status'], 'False');
  assert.equal(condition['reason'], 'NotSupported');
  assert.match(String(condition['message']), /does not act on WasmPlugin objects yet/);
});

test('fields that nothing acts on are named, in an object that is in force', () => {
  const condition = conditionIn(
    plan(
      objectOf(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: it, namespace: a }
spec:
  host: a.b
  trafficPolicy: { tls: { mode: ISTIO_MUTUAL }, tunnel: { targetHost: c.d, targetPort: 80 } }
`),
    ),
  );
  assert.equal(condition?.['status'], 'True');
  assert.equal(condition['reason'], 'PartiallySupported');
  assert.match(String(condition['message']), /spec\.trafficPolicy\.tunnel/);
});
