import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  DEFAULTS,
  FITS,
  formatView,
  GROUPS,
  LABELS,
  parseView,
  RANGES,
  THEMES,
  VIEWS,
  type ViewState,
} from './view-state.ts';

const LATEST = 4_000_000_000_000;
const EVERY = { noNullPrototype: true } as const;
const name = fc.stringMatching(/^[a-z0-9-]{1,20}$/);
const states: fc.Arbitrary<ViewState> = fc.record(
  {
    ns: fc.array(name, { maxLength: 4 }),
    q: fc.string({ unit: 'grapheme', maxLength: 60 }),
    hide: fc.string({ maxLength: 60 }),
    group: fc.constantFrom(...GROUPS),
    label: fc.constantFrom(...LABELS),
    sel: fc.string({ maxLength: 60 }),
    panel: name,
    tab: name,
    at: fc.option(fc.integer({ min: 0, max: LATEST })),
    range: fc.constantFrom(...RANGES),
    cmp: fc.option(
      fc.oneof(
        fc.record({ kind: fc.constant('edge' as const), id: fc.string({ minLength: 1 }) }, EVERY),
        fc.record(
          { kind: fc.constant('time' as const), atMs: fc.integer({ min: 0, max: LATEST }) },
          EVERY,
        ),
      ),
    ),
    view: fc.constantFrom(...VIEWS),
    fit: fc.constantFrom(...FITS),
    theme: fc.constantFrom(...THEMES),
    wall: fc.boolean(),
  },
  { noNullPrototype: true },
);

test('what is written is what is read', () => {
  fc.assert(
    fc.property(states, (state) => {
      assert.deepEqual(parseView(formatView(state)), { state, others: [], problems: [] });
    }),
  );
});

test('what a page adds is kept, in its order', () => {
  const pair = fc.tuple(
    name.map((text) => `x${text}`),
    fc.string(),
  );
  fc.assert(
    fc.property(states, fc.array(pair), (state, others) => {
      assert.deepEqual(parseView(formatView(state, others)).others, others);
    }),
  );
});

test('a view as by default needs no query', () => {
  assert.equal(formatView(DEFAULTS), '');
});

test('no query makes it fail, and bad values are told and left out', () => {
  fc.assert(fc.property(fc.string(), (query) => void parseView(query)));
  const { state, problems } = parseView('?group=colour&at=yesterday&wall=maybe&view=table');
  assert.deepEqual(state, { ...DEFAULTS, view: 'table' });
  assert.equal(problems.length, 3);
});

test('what a chart is compared with is an edge or a time, and nothing else', () => {
  const read = (text: string): unknown => parseView(`?cmp=${text}`).state.cmp;
  assert.deepEqual(read('edge:a>b:5432/tcp'), { kind: 'edge', id: 'a>b:5432/tcp' });
  assert.deepEqual(read('1970-01-01T00:00:01.000Z'), { kind: 'time', atMs: 1000 });
  for (const text of ['', 'edge:', 'yesterday']) {
    const { state, problems } = parseView(`?cmp=${text}`);
    assert.deepEqual([state.cmp, problems.length], [null, 1], text);
  }
});

test('links can be read by people', () => {
  const state = { ...DEFAULTS, ns: ['inventory', 'batch'], sel: 'wl:inventory/db', at: 0 };
  const link = formatView(state);
  assert.equal(link, '?ns=inventory,batch&sel=wl:inventory/db&at=1970-01-01T00:00:00.000Z');
});
