import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logFormatProblem } from './log-format.ts';

// That Envoy agrees is asked in test/envoy/log-syntax.test.ts.
const GOOD = [
  'plain',
  '%%',
  '100%%',
  '%START_TIME%',
  '%START_TIME(%s)%x%REQ(a?b):9%',
  '%REQ(:METHOD)%',
  '%REQ(a)%%%%RESP(b)%',
  '%CEL(size(request.path))%',
  '%METADATA(CLUSTER:istio:services)%',
  '%DYNAMIC_METADATA(a:b:c):9%',
  '%FILTER_STATE(wasm.upstream_peer:PLAIN)%',
  '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
  '%COMMON_DURATION(DS_RX_BEG:US_TX_BEG:ms)%',
  '%PATH(NQ:ORIG_OR_PATH):3%',
  '%GRPC_STATUS(SNAKE_STRING)%',
];

const BAD: readonly (readonly [text: string, problem: RegExp])[] = [
  ['%START_TIME', /"%START_TIME" is no operator/],
  ['100%', /"%" is no operator/],
  ['a % b % c', /is no operator/],
  ['%REQ(%', /is no operator/],
  ['%REQ(a)', /is no operator/],
  ['%REQ(a):z%', /is no operator/],
  ['%REQ(a)%%', /"%" is no operator/],
  ['%lower%', /is no operator/],
  ['%START_TIME(\n)%', /is no operator/],
  ['%UPSTREAM_CLUSTR%', /^Envoy knows no operator UPSTREAM_CLUSTR$/],
  ['%REQ%', /^REQ needs something in \(\)$/],
  ['%REQ()%', /^REQ needs something/],
  ['%REQ(a?b?c)%', /^REQ: "a\?b\?c" is nothing that it takes$/],
  ['%REQ(a:b)%', /is nothing that it takes/],
  ['%PROTOCOL(a)%', /^PROTOCOL takes nothing in \(\)$/],
  ['%DURATION:3%', /^DURATION takes no length$/],
  ['%FILTER_STATE(a:JSON)%', /is nothing that it takes/],
  ['%METADATA(SERVICE:a)%', /is nothing that it takes/],
  ['%CEL(request.path.split("/"))%', /^CEL: Envoy has no \.split\(\) of 1 arguments$/],
];

for (const text of GOOD) {
  test(`${text} is a format`, () => assert.equal(logFormatProblem(text), undefined));
}
for (const [text, problem] of BAD) {
  test(`${JSON.stringify(text)} is none`, () =>
    assert.match(logFormatProblem(text) ?? '', problem));
}

test('a text that is all brackets is refused at once', () => {
  assert.match(logFormatProblem('%A('.repeat(5000)) ?? '', /is no operator|knows no operator/);
  assert.match(logFormatProblem('a'.repeat(20_000)) ?? '', /longer/);
});
