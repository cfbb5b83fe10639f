import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeRequest, pairOf, requestLines } from './request-log.ts';

const ID = '1f4a2f0e-6c7b-4b7a-9f57-0d9c5f2f4a11';

const line = (tail: string, id = ID): string =>
  '[2026-11-22T23:10:22.043Z] "POST /books HTTP/1.1" 201 - via_upstream - "-" 57 98 12 11 "-"' +
  ` "node" "${id}" "inventory.library.svc.cluster.local" ${tail}`;

const CLIENT = line(
  '"10.24.2.6:8080" outbound|80||inventory.library.svc.cluster.local 10.24.2.5:41234 ' +
    '10.96.0.9:80 10.24.2.5:52100 - default',
);
const SERVER = line(
  '"10.24.2.6:8080" inbound|8080|http|inventory.library.svc.cluster.local 127.0.0.6:47001 ' +
    '10.24.2.6:8080 10.24.2.5:41234 outbound_.80_._.inventory.library.svc.cluster.local default',
);

test('requests are read, and other lines are not', () => {
  const tcp =
    '[2026-11-22T23:10:22.043Z] "- - -" 0 - "-" "-" 5 6 3 - "-" "-" "-" "-" "127.0.0.1:5432" a b c d e -';
  const [read, ...more] = requestLines(`${tcp}\n${CLIENT}\nhello\n`);
  assert.deepEqual(more, []);
  assert.deepEqual(read, {
    text: CLIENT,
    method: 'POST',
    status: '201',
    requestId: ID,
    cluster: 'outbound|80||inventory.library.svc.cluster.local',
  });
});

test('so is the story’s own format', () => {
  const [read] = requestLines(CLIENT.replace(' - via_upstream - ', ' - "-" '));
  assert.deepEqual([read?.requestId, read?.status], [ID, '201']);
});

test('a pair is one request at both of its ends', () => {
  const other = CLIENT.replace(ID, ID.replace('1f', '2f'));
  const pair = pairOf(requestLines(`${CLIENT}\n${other}`), requestLines(SERVER));
  assert(pair);
  assert.equal(pair.client.text, CLIENT);
  assert.equal(judgeRequest(pair).ok, true);
  assert.equal(pairOf(requestLines(other), requestLines(SERVER)), undefined);
});

test('a request that the server refused, or that went past the mesh, is none to be proud of', () => {
  const refused = pairOf(requestLines(CLIENT), requestLines(SERVER.replace('" 201 ', '" 403 ')));
  const past = CLIENT.replace(/outbound\S+/, 'PassthroughCluster');
  for (const pair of [refused, pairOf(requestLines(past), requestLines(SERVER))]) {
    assert(pair);
    assert.equal(judgeRequest(pair).ok, false);
  }
});
