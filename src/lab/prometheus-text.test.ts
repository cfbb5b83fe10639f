import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePrometheusText } from './prometheus-text.ts';

test('series with and without labels, escapes undone, comments left out', () => {
  const text = [
    '# HELP a_total Things.',
    '# TYPE a_total counter',
    'a_total{reporter="source",app="x\\"y\\\\z\\n"} 12',
    'up 1',
    'h_bucket{le="+Inf"} 3',
    '',
  ].join('\n');
  assert.deepEqual(parsePrometheusText(text), [
    { metric: 'a_total', labels: { reporter: 'source', app: 'x"y\\z\n' }, value: 12 },
    { metric: 'up', labels: {}, value: 1 },
    { metric: 'h_bucket', labels: { le: '+Inf' }, value: 3 },
  ]);
});
