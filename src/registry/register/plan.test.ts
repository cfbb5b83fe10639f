import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRecord, type KubeObject } from '#kube/objects.ts';
import {
  POD,
  SERVICE,
  SERVICE_ACCOUNT,
  SERVICE_ENTRY,
  SIDECAR,
  WORKLOAD_ENTRY,
  WORKLOAD_GROUP,
  type ResourceType,
} from '#kube/resources.ts';
import { renderAction } from './carry-out.ts';
import { registrationObjects, type Manifest } from './objects.ts';
import { planDeregistration, planRegistration, type Action, type Present } from './plan.ts';
import { parseRegistration, type Registration, type RegisterWords } from './request.ts';

const registration = (
  typed = 'db 10.1.0.5 5432',
  flags: Partial<RegisterWords['flags']> = {},
): Registration => {
  const all = { label: [], 'service-account': undefined, protocol: 'tcp', ...flags } as const;
  return parseRegistration({ operands: typed.split(' '), flags: all }, 'shop');
};

const present = (parts: Partial<Present> = {}): Present => ({
  unknownKinds: new Set(),
  objects: [],
  holders: [],
  ...parts,
});

const actionsOf = (wanted: Registration, found: Present): readonly Action[] => {
  const plan = planRegistration(wanted, found);
  assert(plan.ok, JSON.stringify(plan));
  return plan.actions;
};

const said = (actions: readonly Action[]): string[] => actions.map(renderAction);

/** What the API has after a plan was carried out, with the defaults that a server adds. */
function after(found: Present, actions: readonly Action[]): Present {
  let { objects } = found;
  for (const action of actions) {
    if (action.verb === 'keep') continue;
    const { type } = action;
    const { name } = action.object.metadata;
    objects = objects.filter((it) => it.type !== type || it.object.metadata.name !== name);
    if (action.verb === 'remove') continue;
    const object =
      action.verb === 'create'
        ? withDefaults(type, action.object)
        : merged(action.object, action.patch);
    objects = [...objects, { type, object }];
  }
  return { ...found, objects };
}

function withDefaults(type: ResourceType, object: KubeObject): KubeObject {
  const metadata = { ...object.metadata, uid: 'u', resourceVersion: '7' };
  if (type !== SERVICE) return { ...object, metadata };
  assert(isRecord(object.spec) && Array.isArray(object.spec['ports']));
  const ports = object.spec['ports'].map((port: object) => ({ ...port, targetPort: 1 }));
  return { ...object, metadata, spec: { ...object.spec, ports, clusterIP: '10.96.0.9' } };
}

/** RFC 7386. */
function mergeValue(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergeValue(result[key], value);
  }
  return result;
}

function merged(object: KubeObject, patch: unknown): KubeObject {
  const result = mergeValue(object, patch);
  assert(isRecord(result));
  return { ...object, ...result, metadata: { ...object.metadata, ...merging(result['metadata']) } };
}

const merging = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {});

const ALL = [
  'serviceaccount/db',
  'service/db',
  'serviceentry.networking.istio.io/db',
  'workloadgroup.networking.istio.io/db',
  'sidecar.networking.istio.io/db',
  'workloadentry.networking.istio.io/db-10.1.0.5',
];

test('into an empty namespace everything is made, the endpoint last', () => {
  assert.deepEqual(
    said(actionsOf(registration(), present())),
    ALL.map((name) => `${name} created`),
  );
});

test('the same again changes nothing', () => {
  const once = after(present(), actionsOf(registration(), present()));
  assert.deepEqual(
    said(actionsOf(registration(), once)),
    ALL.map((name) => `${name} unchanged`),
  );
});

test('what differs is changed, and only that', () => {
  const first = actionsOf(registration('db 10.1.0.5 5432', { label: ['team=a'] }), present());
  const once = after(present(), first);
  const wanted = registration('db 10.1.0.5 5432', { label: ['version=v2'] });
  const actions = actionsOf(wanted, once).filter(({ verb }) => verb !== 'keep');
  assert.deepEqual(said(actions), [
    'workloadgroup.networking.istio.io/db configured',
    'workloadentry.networking.istio.io/db-10.1.0.5 configured',
  ]);
  const [, entry] = actions;
  assert(entry?.verb === 'change');
  assert.deepEqual(entry.patch, {
    metadata: { resourceVersion: '7' },
    spec: { labels: { version: 'v2', team: null } },
  });
  const twice = after(once, actions);
  assert(actionsOf(wanted, twice).every(({ verb }) => verb === 'keep'));
});

test('another port is added to all that names ports; what a user added stays', () => {
  const once = after(present(), actionsOf(registration(), present()));
  const objects = once.objects.map((it) =>
    it.type === WORKLOAD_ENTRY ? { ...it, object: merged(it.object, { spec: { weight: 5 } }) } : it,
  );
  const wanted = registration('db 10.1.0.5 5432:tcp 9187:http-metrics');
  const twice = after({ ...once, objects }, actionsOf(wanted, { ...once, objects }));
  const spec = twice.objects.find(({ type }) => type === WORKLOAD_ENTRY)?.object.spec;
  assert(isRecord(spec));
  assert.equal(spec['weight'], 5);
  assert.deepEqual(spec['ports'], { tcp: 5432, 'http-metrics': 9187 });
});

test('a second machine shares the service', () => {
  const once = after(present(), actionsOf(registration(), present()));
  const actions = actionsOf(registration('db 10.1.0.6 5432'), once);
  assert.deepEqual(said(actions), [
    ...ALL.slice(0, 5).map((name) => `${name} unchanged`),
    'workloadentry.networking.istio.io/db-10.1.0.6 created',
  ]);
});

test('a kind that the server does not know is left out, with a word', () => {
  const unknownKinds = new Set([WORKLOAD_GROUP, SIDECAR]);
  const actions = actionsOf(registration(), present({ unknownKinds }));
  const why = 'skipped: the API server does not know the kind';
  assert.deepEqual(said(actions).slice(3, 5), [`${ALL[3]} ${why}`, `${ALL[4]} ${why}`]);
});

const foreign = (type: ResourceType, name: string, spec: unknown = {}): Manifest => ({
  type,
  object: { metadata: { name, namespace: 'shop' }, spec },
});

test('an account that was there before is used, and never ours', () => {
  const found = present({ objects: [foreign(SERVICE_ACCOUNT, 'db')] });
  const actions = actionsOf(registration(), found);
  assert.equal(said(actions)[0], 'serviceaccount/db unchanged: it was there before');
  const gone = planDeregistration(
    { name: 'db', namespace: 'shop', address: undefined },
    after(found, actions),
  );
  assert.deepEqual(
    said(gone),
    ALL.slice(1)
      .toReversed()
      .map((name) => `${name} deleted`),
  );
});

test('a name that is taken is refused with the way out', () => {
  const rows: readonly [Manifest, string, string][] = [
    [
      foreign(SERVICE, 'db'),
      'Service shop/db is there already, and not from isthmus register',
      'choose another name, or delete it first: kubectl delete services db -n shop',
    ],
    [
      foreign(WORKLOAD_ENTRY, 'db-10.1.0.5'),
      'WorkloadEntry shop/db-10.1.0.5 is there already, and not from isthmus register',
      'choose another name, or delete it first: ' +
        'kubectl delete workloadentries.networking.istio.io db-10.1.0.5 -n shop',
    ],
    [
      foreign(SERVICE_ENTRY, 'mine', { hosts: ['a', 'db.shop.svc.cluster.local'] }),
      'ServiceEntry shop/mine has the host db.shop.svc.cluster.local',
      'choose another name, or take the host out of that ServiceEntry',
    ],
  ];
  for (const [object, problem, remedy] of rows) {
    const plan = planRegistration(registration(), present({ objects: [object] }));
    assert.deepEqual(plan, { ok: false, problem, remedy });
  }
});

test('an address that is taken, too', () => {
  const holder = { kind: 'WorkloadEntry', namespace: 'shop', name: 'db-10.1.0.5' } as const;
  const pod = { kind: 'Pod', namespace: 'other', name: 'web-1', registeredBy: undefined } as const;
  const own = present({ holders: [{ ...holder, registeredBy: 'db' }] });
  assert(planRegistration(registration(), own).ok);
  assert.deepEqual(planRegistration(registration(), present({ holders: [pod] })), {
    ok: false,
    problem: 'the address 10.1.0.5 is taken by Pod other/web-1',
    remedy: 'give the address of the machine that is to be registered',
  });
  const other = present({
    holders: [{ ...holder, name: 'cache-10.1.0.5', registeredBy: 'cache' }],
  });
  assert.deepEqual(planRegistration(registration(), other), {
    ok: false,
    problem: 'the address 10.1.0.5 is taken by WorkloadEntry shop/cache-10.1.0.5',
    remedy:
      'a machine is one workload: register all its ports under cache, or first run ' +
      '"isthmus deregister cache 10.1.0.5 -n shop"',
  });
});

test('deregistering undoes it; what others share stays until the last has gone', () => {
  const one = after(present(), actionsOf(registration(), present()));
  const two = after(one, actionsOf(registration('db 10.1.0.6 5432'), one));
  const both = { ...two, objects: [...two.objects, foreign(POD, 'db-1')] };
  const first = planDeregistration({ name: 'db', namespace: 'shop', address: '10.1.0.5' }, both);
  assert.deepEqual(said(first), [
    'workloadentry.networking.istio.io/db-10.1.0.5 deleted',
    ...ALL.slice(0, 5)
      .toReversed()
      .map((name) => `${name} stays for other addresses`),
  ]);
  const left = after(both, first);
  const last = planDeregistration({ name: 'db', namespace: 'shop', address: undefined }, left);
  assert.deepEqual(
    after(left, last).objects.map(({ object }) => object.metadata.name),
    ['db-1'],
  );
  const nobody = { name: 'db', namespace: 'shop', address: '10.9.9.9' };
  assert.deepEqual(planDeregistration(nobody, both), []);
  assert.deepEqual(planDeregistration({ ...nobody, name: 'bd' }, both), []);
});

test('every object carries what it is known by', () => {
  for (const { object } of registrationObjects(registration())) {
    assert.equal(object.metadata.labels?.['isthmus.dev/registered-by'], 'db', object.kind);
    assert.equal(object.metadata.namespace, 'shop');
  }
});
