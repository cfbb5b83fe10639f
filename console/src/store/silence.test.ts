import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentOf, edgeOf, nodeOf, storyNodes } from '../../../test/browser/mock/story.ts';
import { isUnheard, isWhole, NO_SILENCES, silencesOf } from './silence.ts';

const NOW = 1_700_000_000_000;
const { library, vm, frontend } = storyNodes(NOW);
const [VM_KEY, LIBRARY_KEY] = [vm, library].map((node) => node.instances[0]?.key ?? '');

test('who is silent is told by workload, of all proxies that have ever called', () => {
  const never = nodeOf(NOW, { name: 'new', kind: 'vm', instances: [] });
  const status = { silent: [VM_KEY ?? ''], silentSinceMs: [NOW - 40_000] };
  const { byNode, proxies } = silencesOf(status, [
    library,
    vm,
    never,
    { ...frontend, state: 'gone' },
  ]);
  assert.equal(proxies, 2);
  assert.deepEqual(
    [...byNode],
    [[vm.id, { sinceMs: NOW - 40_000, names: ['postgresql-1-vm'], proxies: 1 }]],
  );
  assert.equal(silencesOf({ silent: [] }, [vm]), NO_SILENCES);
  assert.equal(silencesOf(undefined, [vm]), NO_SILENCES);
});

test('one of two proxies is not the whole workload', () => {
  const agent = agentOf(NOW);
  const instances = ['Pod/a/x-0', 'Pod/a/x-1'].map((key) => ({ key, address: '', agent }));
  const node = nodeOf(NOW, { name: 'x', kind: 'pod', instances });
  const some = silencesOf({ silent: ['Pod/a/x-1'], silentSinceMs: [5] }, [node]);
  assert.equal(isWhole(some.byNode.get(node.id)), false);
  const all = silencesOf({ silent: ['Pod/a/x-1', 'Pod/a/x-0'] }, [node]);
  assert.equal(isWhole(all.byNode.get(node.id)), true);
  assert.equal(isWhole(undefined), false);
});

test('of an edge nothing is known when nobody who reported it does', () => {
  const edge = edgeOf(NOW, library, vm, { index: 1, port: 5432 });
  const silent = (...keys: readonly (string | undefined)[]) =>
    silencesOf({ silent: keys.flatMap((key) => key ?? []) }, [library, vm]);
  assert.equal(isUnheard(edge, silent(VM_KEY)), false);
  assert.equal(isUnheard(edge, silent(VM_KEY, LIBRARY_KEY)), true);
  assert.equal(isUnheard({ ...edge, reporters: ['destination'] }, silent(VM_KEY)), true);
  assert.equal(isUnheard({ ...edge, reporters: ['source'] }, silent(VM_KEY)), false);
  assert.equal(isUnheard({ ...edge, reporters: [] }, silent(VM_KEY, LIBRARY_KEY)), false);
});
