import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { SseParser } from './sse.ts';

const TEXT = [
  ': connected\n\n',
  'id: 7\nevent: node.gone\ndata: {"a":1}\n\n',
  ': heartbeat\n\n',
  'data: one\ndata: two\n\n',
  'event: sample\r\ndata: x\r\n\r\n',
].join('');

const ALL = [
  { event: 'node.gone', id: '7', data: '{"a":1}' },
  { event: 'message', id: '', data: 'one\ntwo' },
  { event: 'sample', id: '', data: 'x' },
];

test('events are the same however the text is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 12 })), (sizes) => {
      const parser = new SseParser();
      const messages = [];
      let rest = TEXT;
      for (const size of sizes) {
        messages.push(...parser.push(rest.slice(0, size)));
        rest = rest.slice(size);
      }
      messages.push(...parser.push(rest));
      assert.deepEqual(messages, ALL);
    }),
  );
});

test('a heartbeat is no event', () => {
  assert.deepEqual(new SseParser().push(': heartbeat\n\n'), []);
});

test('an event without an end is bounded', () => {
  const parser = new SseParser();
  assert.throws(() => parser.push(`data: ${'x'.repeat(17 * 1024 * 1024)}`), /larger than/);
});
