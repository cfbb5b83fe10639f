import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { edgeOf, libraryStory, storyNodes } from '../../../test/browser/mock/story.ts';
import { Samples } from '../store/samples.ts';
import { fieldsBeginning } from './fields.ts';
import { matchesEdge, matchesNode, matchesWorkload } from './match.ts';
import { parseFind } from './parse.ts';

const NOW_MS = Date.UTC(2026, 10, 23, 12);
const { frontend, library, vm } = storyNodes(NOW_MS);
const story = libraryStory(NOW_MS);
const samples = new Samples();
for (const sample of story.samples) samples.set(sample, NOW_MS);

/** Names of the nodes and ports of the edges that a question finds. */
function found(text: string): string {
  const parsed = parseFind(text);
  assert(parsed.isValid && parsed.expression, `${text}: ${JSON.stringify(parsed)}`);
  const { expression } = parsed;
  const nodes = [frontend, library, vm].filter((node) =>
    matchesNode(expression, { node, isSilent: false, nowMs: NOW_MS }),
  );
  const edges = story.edges.filter((edge) =>
    matchesEdge(expression, {
      edge,
      from: story.nodes.find(({ id }) => id === edge.from),
      to: story.nodes.find(({ id }) => id === edge.to),
      numbers: samples.of(edge.index),
      movedMs: 0,
      nowMs: NOW_MS + 601_000,
    }),
  );
  return [...nodes.map(({ name }) => name), ...edges.map(({ port }) => port)].join(' ');
}

const CASES: readonly (readonly [string, string])[] = [
  ['kind=vm or port=5432', 'postgresql-1-vm 5432'],
  ['kind = VM', 'postgresql-1-vm'],
  ['vm', 'postgresql-1-vm'],
  ['!vm', 'frontend postgres-library'],
  ['mtls', '8080 5432'],
  ['!mtls', ''],
  ['tcp > 1kB/s', '5432'],
  ['tcp > 1MB/s', ''],
  ['traffic > 2k', '8080 5432'],
  ['cert < 24h', 'frontend postgres-library postgresql-1-vm'],
  ['cert < 22h', ''],
  ['identity ^= spiffe://cluster.local/ns/inventory/sa/postgresql', 'postgresql-1-vm 5432'],
  ['idle > 10m', '8080 5432'],
  ['idle > 1h', ''],
  ['latency >= 8ms', '8080'],
  ['p95 > 20ms', '8080'],
  ['p95 > 200ms', ''],
  ['p50 < 1s', '8080'],
  ['errors > 1%', '8080'],
  ['errors > 2%', ''],
  ['errors >= 1', '8080'],
  ['clienterrors = 0%', '8080'],
  ['!(errors > 1%)', ''],
  ['frontend', 'frontend 8080'],
  ['name contains "1-vm"', 'postgresql-1-vm 5432'],
  ['name endswith library', 'postgres-library 8080 5432'],
  ['(kind=vm or kind=pod) and !(name *= post)', 'frontend'],
  ['postgres vm', 'postgresql-1-vm'],
  ['denied > 0', ''],
  ['protocol != tcp', '8080'],
  ['port != 5432', 'frontend postgres-library 8080'],
];

for (const [text, expected] of CASES) {
  test(`${text} finds ${expected || 'nothing'}`, () => assert.equal(found(text), expected));
}

const ERRORS: readonly (readonly [string, number, number, RegExp])[] = [
  ['kind=', 5, 6, /value is missing/],
  ['kind=vm and', 11, 12, /missing at the end/],
  ['(kind=vm', 8, 9, /closing parenthesis/],
  ['kind=vm)', 7, 8, /not expected/],
  ['colour=red', 0, 6, /no “colour”/],
  ['tcp > fast', 6, 10, /no rate/],
  ['name > a', 5, 6, /cannot be more or less/],
  ['port *= 54', 5, 7, /is a number/],
  ['= 3', 0, 1, /not expected/],
  ['toserver > 5h', 11, 13, /no rate/],
];

for (const [text, start, end, message] of ERRORS) {
  test(`${text}: the error is at ${start}`, () => {
    const parsed = parseFind(text);
    assert(!parsed.isValid);
    assert.deepEqual([parsed.error.start, parsed.error.end], [start, end]);
    assert.match(parsed.error.message, message);
  });
}

test('what is not known matches neither way', () => {
  const unknown = { ...vm, health: 'unknown' as const, certificate: null };
  for (const text of ['healthy', '!healthy', 'cert < 1h', '!(cert < 1h)', 'mtls', '!mtls']) {
    const parsed = parseFind(text);
    assert(parsed.isValid && parsed.expression);
    const facts = { node: unknown, isSilent: false, nowMs: NOW_MS };
    assert.equal(matchesNode(parsed.expression, facts), false, text);
  }
});

test('an edge that nobody reported matches no number', () => {
  const edge = edgeOf(NOW_MS, library, vm, { index: 9, port: 1 });
  const facts = { edge, from: library, to: vm, numbers: undefined, movedMs: 0, nowMs: NOW_MS };
  for (const text of ['tcp = 0', 'tcp != 0', 'conn < 5']) {
    const parsed = parseFind(text);
    assert(parsed.isValid && parsed.expression);
    assert.equal(matchesEdge(parsed.expression, facts), false, text);
  }
});

test('a workload is asked for itself and for its edges, and not for its neighbours', () => {
  const workloads = (text: string): string[] => {
    const parsed = parseFind(text);
    assert(parsed.isValid && parsed.expression);
    const { expression } = parsed;
    return [frontend, library, vm]
      .filter((node) => {
        const edges = story.edges
          .filter(({ from, to }) => from === node.id || to === node.id)
          .map((edge) => {
            const numbers = samples.of(edge.index);
            return { edge, from: undefined, to: undefined, numbers, movedMs: 0, nowMs: NOW_MS };
          });
        return matchesWorkload(expression, { node, isSilent: false, nowMs: NOW_MS }, edges);
      })
      .map(({ name }) => name);
  };
  assert.deepEqual(workloads('tcp > 1kB/s'), ['postgres-library', 'postgresql-1-vm']);
  assert.deepEqual(workloads('vm and tcp > 1kB/s'), ['postgresql-1-vm']);
  assert.deepEqual(workloads('name ^= front'), ['frontend']);
  assert.deepEqual(workloads('plaintext'), []);
});

test('no text makes the parser fail otherwise than by an error with a place in it', () => {
  const pieces = ['kind', '=', '(', ')', 'and', 'or', '!', '"', 'tcp', '>', '1kB/s', ' ', 'ü', '<'];
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string())), (parts) => {
      const text = parts.join('');
      const parsed = parseFind(text);
      if (parsed.isValid) return;
      const { start, end } = parsed.error;
      assert(start >= 0 && start < end && end <= text.length + 1, `${start}–${end} of ${text}`);
    }),
  );
});

test('nesting is bounded', () => {
  const parsed = parseFind('('.repeat(5_000));
  assert(!parsed.isValid);
  assert.match(parsed.error.message, /too deeply/);
});

test('completion knows the fields', () => {
  assert.deepEqual(fieldsBeginning('toc'), ['toclient']);
  assert(fieldsBeginning('').length > 20);
});
