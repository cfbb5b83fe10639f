import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelSelectorOf, matchesLabels, parseLabelSelector } from './label-selector.ts';

function matches(text: string, labels: Record<string, string>): boolean {
  const parsed = parseLabelSelector(text);
  assert(parsed.ok, text);
  return matchesLabels(parsed.selector, labels);
}

const LABELS = { app: 'web', tier: 'front', empty: '', n: '5', 'a.io/b': 'c' };

const CASES: readonly (readonly [selector: string, isMatch: boolean])[] = [
  ['', true],
  ['app=web', true],
  ['app==web', true],
  ['app = web , tier=front', true],
  ['app=other', false],
  ['app!=other', true],
  ['app!=web', false],
  ['missing!=x', true],
  ['app in (web, db)', true],
  ['app in (db)', false],
  ['app notin (db)', true],
  ['missing notin (db)', true],
  ['app', true],
  ['missing', false],
  ['!missing', true],
  ['!app', false],
  ['empty', true],
  ['empty=', true],
  ['n>4', true],
  ['n<5', false],
  ['a.io/b=c', true],
  ['app in (web),tier notin (back),!x', true],
  ['toString', false],
];

for (const [selector, isMatch] of CASES) {
  test(`"${selector}" ${isMatch ? 'selects' : 'does not select'} the labels`, () => {
    assert.equal(matches(selector, LABELS), isMatch);
  });
}

for (const text of ['a=b=c', 'a in b', '(a)', ',', 'a,,b', 'a=ü', '-a=b', 'n>x', 'a in (b']) {
  test(`"${text}" is no selector`, () => {
    assert.equal(parseLabelSelector(text).ok, false);
  });
}

test('a long run of commas is read in linear time', () => {
  assert.equal(parseLabelSelector(`a${','.repeat(16_000)}`).ok, false);
});

test("a spec's selector selects by labels and by expressions", () => {
  const selector = labelSelectorOf({
    matchLabels: { app: 'web' },
    matchExpressions: [
      { key: 'tier', operator: 'In', values: ['front'] },
      { key: 'x', operator: 'DoesNotExist' },
      { key: 'n', operator: 'Exists' },
      { key: 'app', operator: 'NotIn', values: ['db'] },
    ],
  });
  assert(matchesLabels(selector, LABELS));
  assert(!matchesLabels(selector, { ...LABELS, x: '' }));
});
