import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Layout, ROW, type LayoutNode, type Point } from './layout.ts';
import { ranksOf, type Link } from './ranks.ts';

const node = (id: string, group = 'a', groupClass = 1): LayoutNode => ({ id, group, groupClass });
const link = (text: string): Link => {
  const [from = '', to = ''] = text.split('>');
  return { from, to };
};

const places = (layout: Layout, nodes: readonly LayoutNode[]): Point[] =>
  nodes.map(({ id }) => {
    const point = layout.point(id);
    assert(point, `${id} has no place`);
    return point;
  });

function assertApart(points: readonly Point[]): void {
  for (const [index, a] of points.entries()) {
    for (const b of points.slice(index + 1)) {
      assert(Math.abs(a.x - b.x) >= 100 || Math.abs(a.y - b.y) >= ROW - 1, 'two on one place');
    }
  }
}

test('callers stand left of whom they call, also where calls go round', () => {
  const ids = ['d', 'c', 'b', 'a'];
  const ranks = ranksOf(ids, ['a>b', 'b>c', 'a>c', 'c>d'].map(link));
  assert.deepEqual(
    ids.map((id) => ranks.get(id)),
    [3, 2, 1, 0],
  );
  const ring = ranksOf(['a', 'b', 'c'], ['a>b', 'b>c', 'c>a'].map(link));
  assert.deepEqual(
    ['a', 'b', 'c'].map((id) => ring.get(id)),
    [0, 1, 2],
  );
});

test('the cluster stands left of the VMs that it calls, on one line', () => {
  const nodes = [node('library'), node('frontend'), node('vm', 'zone', 2)];
  const layout = new Layout();
  layout.update(nodes, ['frontend>library', 'library>vm'].map(link));
  const [library, frontend, vm] = places(layout, nodes);
  assert(library && frontend && vm);
  assert(frontend.x < library.x && library.x < vm.x);
  assert.equal(frontend.y, library.y);
  assert.equal(library.y, vm.y);
});

test('the order of what is told changes nothing', () => {
  const nodes = ['a', 'b', 'c', 'd', 'e'].map((id) => node(id));
  const links = ['a>b', 'a>c', 'b>d', 'c>e'].map(link);
  const one = new Layout();
  one.update(nodes, links);
  const other = new Layout();
  other.update(nodes.toReversed(), links.toReversed());
  assert.deepEqual(places(one, nodes), places(other, nodes));
});

const ids = Array.from({ length: 24 }, (_, index) => `n${index}`);
const meshes = fc.record({
  nodes: fc.subarray(ids, { minLength: 1 }),
  groups: fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { minLength: 24, maxLength: 24 }),
  links: fc.array(fc.record({ from: fc.constantFrom(...ids), to: fc.constantFrom(...ids) })),
});

test('whoever comes or goes, the others stay where they are, and nobody covers anybody', () => {
  const change = fc.tuple(meshes, fc.array(fc.subarray(ids, { minLength: 1 }), { maxLength: 4 }));
  fc.assert(
    fc.property(change, ([{ nodes, groups, links }, later]) => {
      const layout = new Layout();
      const asNodes = (some: readonly string[]): LayoutNode[] =>
        some.map((id) => {
          const group = groups[ids.indexOf(id)] ?? 'a';
          return node(id, group, group === 'f' ? 0 : group > 'b' ? 2 : 1);
        });
      layout.update(asNodes(nodes), links);
      let before = new Map(nodes.map((id) => [id, layout.point(id)]));
      for (const present of later) {
        layout.update(asNodes(present), links);
        for (const id of present) {
          if (before.get(id)) assert.deepEqual(layout.point(id), before.get(id), `${id} moved`);
        }
        assertApart(places(layout, asNodes(present)));
        before = new Map(present.map((id) => [id, layout.point(id)]));
      }
    }),
    { numRuns: 300 },
  );
});

test('boxes hold their nodes and do not cover one another at first', () => {
  fc.assert(
    fc.property(meshes, ({ nodes, groups, links }) => {
      const all = nodes.map((id) => node(id, groups[ids.indexOf(id)] ?? 'a'));
      const layout = new Layout();
      layout.update(all, links);
      const boxes = layout.boxes(new Map());
      for (const { id, group } of all) {
        const box = boxes.find((one) => one.group === group);
        const at = layout.point(id);
        assert(box && at);
        assert(
          at.x > box.x && at.x < box.x + box.width && at.y > box.y && at.y < box.y + box.height,
        );
      }
      for (const [index, a] of boxes.entries()) {
        for (const b of boxes.slice(index + 1)) {
          const isApart =
            a.x >= b.x + b.width ||
            b.x >= a.x + a.width ||
            a.y >= b.y + b.height ||
            b.y >= a.y + a.height;
          assert(isApart, `${a.group} covers ${b.group}`);
        }
      }
    }),
  );
});

test('a thousand workloads take little time', () => {
  const many = Array.from({ length: 1_000 }, (_, index) => node(`n${index}`, `g${index % 20}`));
  const links = many.flatMap(({ id }, index) => [
    { from: id, to: `n${(index * 7 + 1) % 1_000}` },
    { from: id, to: `n${(index * 13 + 5) % 1_000}` },
  ]);
  const start = process.cpuUsage();
  new Layout().update(many, links);
  const { user } = process.cpuUsage(start);
  assert(user < 400_000, `${user} µs`);
});
