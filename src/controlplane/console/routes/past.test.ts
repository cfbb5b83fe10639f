// What the pages ask of a moment gone by, and of who has left.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IdentityReport } from '#api/identity.ts';
import type { Join } from '#api/joins.ts';
import type { WorkloadOverview } from '#api/workload.ts';
import { createFakeAuthority } from '#ca/fake-authority.ts';
import { isRecord } from '#kube/objects.ts';
import { apply, meshOf, remove } from '#model/mesh-of.ts';
import { FakeClock } from '../../../../test/fakes/clock.ts';
import { CertificateLedger } from '../../debug-certificates.ts';
import { Past } from '../../past/past.ts';
import { FakeFlows } from '../../view/fake-flows.ts';
import { MeshView } from '../../view/mesh-view.ts';
import { NO_AGENTS } from '../../view/nothing.ts';
import { ApiRefusal, type ApiCall, type ApiRoute } from '../route.ts';
import { identityRoutes } from './identity.ts';
import { overviewThen } from './workload-past.ts';

const NOW = Date.UTC(2026, 10, 23, 10);
const vm = (version: string): string => `
kind: WorkloadEntry
metadata: { name: db }
spec: { address: 10.0.0.1, labels: { version: ${version}, security.istio.io/tlsMode: istio } }
`;
const join = (state: Join['state']): Join => ({
  id: 'j1',
  name: 'db',
  namespace: 'default',
  node: 'wl:default/db',
  by: 'kim',
  startedAtMs: NOW - 5000,
  endedAtMs: state === 'done' ? NOW : null,
  state,
  steps: [],
});

function start() {
  const clock = new FakeClock(NOW);
  const past = new Past({ clock });
  const mesh = meshOf(vm('v1'));
  const flows = new FakeFlows();
  const joins = { now: [join('running')], list: (): readonly Join[] => joins.now };
  const view = new MeshView({
    mesh,
    flows,
    agents: NO_AGENTS,
    xds: { status: () => [] },
    certificateOf: () => undefined,
    joins: () => joins.now,
    past,
    clock,
  });
  view.beginPast();
  return { clock, past, mesh, flows, joins, view };
}

const callOf = (query: Record<string, string>): ApiCall => {
  const call: Partial<ApiCall> = {
    params: { namespace: 'default', name: 'db' },
    query: new URLSearchParams(query),
  };
  // oxlint-disable-next-line no-unsafe-type-assertion -- the rest of it is not used
  return call as ApiCall;
};

test('a workload is told as it was then, or when it left; now its agents are asked', () => {
  const { clock, past, mesh, joins, view } = start();
  using _ = past;
  const ask = (query: Record<string, string> = {}): WorkloadOverview | undefined =>
    overviewThen({ view, joins, clock }, callOf(query));
  clock.advance(60_000);
  apply(mesh, vm('v2'));
  joins.now = [join('done')];
  view.publish({ type: 'join.step', join: join('done') });
  view.refresh();
  assert.equal(ask(), undefined);
  const then = ask({ at: String(NOW + 30_000) });
  assert.deepEqual(
    [then?.atMs, then?.node.version, then?.join?.state, then?.leftAtMs],
    [NOW + 30_000, 'v1', 'running', undefined],
  );
  clock.advance(60_000);
  remove(mesh, vm('v2'));
  view.refresh();
  const left = ask();
  assert.deepEqual([left?.leftAtMs, left?.node.version], [NOW + 120_000, 'v2']);
  assert.deepEqual(
    left?.events.map(({ kind }) => kind),
    ['join', 'left'],
  );
  assert.deepEqual([left.health, left.policies], [[], []]);
  assert.equal(ask({ at: String(NOW + 90_000) })?.node.version, 'v2');
  clock.advance(1);
  assert.throws(
    () => ask({ at: String(NOW + 120_000) }),
    (error) => error instanceof ApiRefusal && error.status === 404,
  );
});

test('identities are those of then, with the trust of then', async () => {
  const { clock, past, mesh, view, joins } = start();
  using _ = past;
  const { authority } = createFakeAuthority(NOW);
  const trust = { trustDomain: 'old', aliases: [], roots: [], chain: [] };
  past.take([{ key: 'trust', value: trust }]);
  const certificates = new CertificateLedger();
  const routes: readonly ApiRoute[] = identityRoutes({
    mesh,
    view,
    past,
    certificates,
    clock,
    authority: { current: () => authority },
  });
  clock.advance(60_000);
  joins.now = [];
  remove(mesh, vm('v1'));
  view.refresh();
  past.take([{ key: 'trust', value: { ...trust, trustDomain: 'new' } }]);
  const ask = async (query: Record<string, string>): Promise<IdentityReport> => {
    const answer = await routes
      .find(({ path }) => path === '/api/v1/identity')
      ?.handle(callOf(query));
    assert(isRecord(answer) && isRecord(answer['body']));
    // oxlint-disable-next-line no-unsafe-type-assertion -- that is what the route answers
    return answer['body'] as IdentityReport;
  };
  const then = await ask({ at: String(NOW + 1000) });
  assert.deepEqual(
    [then.nowMs, then.certificates.map(({ workload }) => workload), then.trust.trustDomain],
    [NOW + 1000, ['db'], 'old'],
  );
  const now = await ask({});
  assert.deepEqual(
    [now.nowMs, now.certificates.length, now.trust.trustDomain],
    [NOW + 60_000, 0, mesh.config().trustDomain],
  );
});
