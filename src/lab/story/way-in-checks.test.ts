import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeVisit, judgeWayIn, type WayIn } from './way-in-checks.ts';

const SEEN: WayIn = {
  vm: '10.128.0.14',
  gateway: '203.0.113.10',
  gatewayPods: ['10.24.2.2'],
  vmDials: ['203.0.113.10'],
  controlPlaneSees: ['10.24.2.2', '10.24.2.3'],
  isDirectDropped: true,
};

test('a VM that has its control plane by the gateway only', () => {
  assert(judgeWayIn(SEEN).ok);
  const wrong: readonly (readonly [string, Partial<WayIn>])[] = [
    ['it has no connection', { vmDials: [] }],
    ['it has another one as well', { vmDials: ['203.0.113.10', '10.24.0.10'] }],
    ['it came past the gateway', { controlPlaneSees: ['10.24.2.2', '10.128.0.14'] }],
    ['nobody came by the gateway', { controlPlaneSees: ['10.24.2.3'] }],
    ['the direct way is open', { isDirectDropped: false }],
  ];
  for (const [what, changes] of wrong) assert(!judgeWayIn({ ...SEEN, ...changes }).ok, what);
});

test('a visitor has seen the page, and the book is there', () => {
  const visit = { url: 'http://203.0.113.10/', title: 'Library', added: 'Gateway' };
  assert(judgeVisit(visit, ['Hamlet', 'Gateway']).ok);
  assert(!judgeVisit(visit, ['Hamlet']).ok);
  assert(!judgeVisit({ ...visit, title: '' }, ['Gateway']).ok);
});
