import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHttpAnswer } from './http-answer.ts';

test('a plain and a chunked answer have the same body', () => {
  const plain = 'HTTP/1.1 200 OK\r\nserver: envoy\r\n\r\nhéllo';
  const chunked =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhé\r\n3\r\nllo\r\n0\r\n\r\n';
  for (const text of [plain, chunked]) {
    const { status, body } = parseHttpAnswer(text);
    assert.deepEqual({ status, body }, { status: 200, body: 'héllo' });
  }
});

test('failures and cut answers', () => {
  assert.deepEqual(parseHttpAnswer('HTTP/1.1 503 Service Unavailable\r\n\r\nno'), {
    status: 503,
    statusLine: 'HTTP/1.1 503 Service Unavailable',
    body: 'no',
  });
  assert.equal(parseHttpAnswer('').status, 0);
  assert.equal(parseHttpAnswer('SSH-2.0-x\r\n').status, 0);
  const cut = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nab';
  assert.equal(parseHttpAnswer(cut).body, 'ab');
});
