import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import { meshOf } from '#model/mesh-of.ts';
import { MeshView } from '#controlplane/view/mesh-view.ts';
import { NO_AGENTS } from '#controlplane/view/nothing.ts';
import { edgeOf, FakeFlows } from '#controlplane/view/fake-flows.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { showTop } from '../commands/top.ts';
import type { ApiEvent, MeshApi } from '../mesh-api/client.ts';
import { followMesh } from './follow.ts';

const NOW = Date.UTC(2026, 10, 22, 10);

/** A console whose streams a test feeds, breaks and ends. */
function fakeApi() {
  const flows = new FakeFlows();
  flows.table.set('e1', edgeOf(1, { from: 'ip:10.0.0.1', to: 'ip:10.0.0.2' }));
  const view = new MeshView({
    mesh: meshOf('kind: Namespace\nmetadata: { name: default }'),
    flows,
    agents: NO_AGENTS,
    xds: { status: () => [] },
    certificateOf: () => undefined,
    joins: () => [],
    clock: new FakeClock(NOW),
  });
  const streams: (readonly (ApiEvent | 'broken')[])[] = [];
  const asked: string[] = [];
  let failure: OperatorError | undefined;
  const api: MeshApi = {
    url: 'http://console',
    get: (path) => {
      asked.push(path);
      return failure ? Promise.reject(failure) : Promise.resolve(view.snapshot());
    },
    send: () => Promise.reject(new Error('nothing is sent')),
    async *events(path, query) {
      asked.push(`${path} since ${Number(query?.['since']) - view.revision}`);
      for (const event of streams.shift() ?? []) {
        if (event === 'broken') throw unreachable();
        yield event;
      }
    },
  };
  return { api, asked, streams, fail: (error: OperatorError) => (failure = error) };
}

const unreachable = (): OperatorError =>
  new OperatorError('CONTROL_PLANE_UNREACHABLE', 'gone', { remedy: 'wait' });

const sample = (bytes: number): ApiEvent => {
  const data = { type: 'sample', atMs: NOW + 1000, samples: [[1, bytes, 0, 1, 0, 0, 0, 0]] };
  return { type: 'sample', id: '', data };
};

test('a lost feed is said, and taken up again where the mesh is then', async () => {
  const { api, streams, asked } = fakeApi();
  streams.push([sample(5), 'broken'], [{ type: 'reset', id: '1', data: { type: 'reset' } }]);
  const clock = new FakeClock(NOW);
  const stop = new AbortController();
  const parts = { clock, random: () => 0, signal: stop.signal };
  const seen: string[] = [];
  for await (const moment of followMesh(api, parts)) {
    seen.push(moment.what);
    if (moment.what === 'lost') void clock.untilSleeping(500).then(() => clock.advance(500));
    if (seen.length === 5) stop.abort();
  }
  assert.deepEqual(seen, ['snapshot', 'samples', 'lost', 'snapshot', 'lost']);
  assert.deepEqual(asked.slice(0, 2), ['/api/v1/snapshot', '/api/v1/events since 0']);
});

test('what is refused, and what never answered, ends it', async () => {
  for (const code of ['CONTROL_PLANE_REFUSED', 'CONTROL_PLANE_UNREACHABLE'] as const) {
    const { api, fail } = fakeApi();
    fail(new OperatorError(code, 'no', { remedy: 'ask' }));
    const clock = new FakeClock(NOW);
    const { signal } = new AbortController();
    const moments = followMesh(api, { clock, random: () => 0, signal });
    await assert.rejects(moments.next(), { code });
  }
});

test('on a terminal it draws over itself, and leaves the cursor as it was', async () => {
  const { api, streams } = fakeApi();
  const stop = new AbortController();
  streams.push([sample(1000), sample(2000), 'broken']);
  let drawn = '';
  const write = (text: string): void => {
    drawn += text;
    if (text.includes('FEED LOST')) stop.abort();
  };
  const flags = { namespace: undefined, once: false, output: 'table' } as const;
  const words = { 'console-url': undefined, kubeconfig: undefined, context: undefined };
  const call = { flags: { ...flags, ...words }, env: {}, signal: stop.signal, print: assert.fail };
  assert.equal(await showTop(api, call, { rows: 20, columns: 200, write }), 0);
  const [, ...screens] = drawn.split('\u001B[H');
  assert.equal(screens.length, 4);
  assert.match(screens[1] ?? '', /10\.0\.0\.1 +10\.0\.0\.2:5001 .* 1\.0 kB\/s/);
  assert.match(screens[2] ?? '', / 2\.0 kB\/s/);
  assert.match(screens[3] ?? '', /FEED LOST, retrying: gone[^]* 2\.0 kB\/s/);
  assert(drawn.startsWith('\u001B[?25l') && drawn.endsWith('\u001B[?25h'));
});
