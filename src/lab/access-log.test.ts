import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAccessLogLine } from './access-log.ts';

test("the story's own line", () => {
  const text =
    '[2019-11-14T19:09:00.174Z] "- - -" 0 - "-" "-" 268 441 194 - "-" "-" "-" "-" "127.0.0.1:5432" inbound|5432|tcp|postgresql-1-vm.default.svc.cluster.local 127.0.0.1:54104 10.128.0.14:5432 10.24.2.23:40190 outbound_.5432_._.postgresql-1-vm.default.svc.cluster.local -';
  assert.deepEqual(parseAccessLogLine(text), {
    text,
    startedAt: '2019-11-14T19:09:00.174Z',
    responseFlags: '-',
    bytesReceived: 268,
    bytesSent: 441,
    durationMs: 194,
    upstreamHost: '127.0.0.1:5432',
    cluster: 'inbound|5432|tcp|postgresql-1-vm.default.svc.cluster.local',
    upstreamLocalAddress: '127.0.0.1:54104',
    downstreamLocalAddress: '10.128.0.14:5432',
    downstreamRemoteAddress: '10.24.2.23:40190',
    serverName: 'outbound_.5432_._.postgresql-1-vm.default.svc.cluster.local',
  });
});

test('another format is not taken for it', () => {
  const today =
    '[2026-11-22T16:30:43.715Z] "- - -" 0 - - - "-" 124 565 97 - "-" "-" "-" "-" "127.0.0.1:5432" inbound|5432|| 127.0.0.1:1 10.128.0.14:5432 10.24.2.23:2 - -';
  assert.equal(parseAccessLogLine(today), undefined, "today's has one field more");
  assert.equal(parseAccessLogLine('[x] short'), undefined);
  assert.equal(parseAccessLogLine(''), undefined);
});
