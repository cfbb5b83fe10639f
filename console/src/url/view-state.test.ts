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
    at: fc.option(fc.integer({ min: 0, max: 4_000_000_000_000 })),
    range: fc.constantFrom(...RANGES),
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

test('links can be read by people', () => {
  const state = { ...DEFAULTS, ns: ['inventory', 'batch'], sel: 'wl:inventory/db', at: 0 };
  const link = formatView(state);
  assert.equal(link, '?ns=inventory,batch&sel=wl:inventory/db&at=1970-01-01T00:00:00.000Z');
});
