// Formats and filters of access logs: what we take, the real Envoy must take. One that it refused
// would keep a listener from ever changing again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RouterSchema } from '#gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { expressionProblem } from '#istio/envoy-expression.ts';
import { logFormatProblem } from '#istio/meshconfig/log-format.ts';
import { LOG_OPERATORS } from '#istio/meshconfig/log-operators.ts';
import { httpAccessLogs } from '#resolve/access-log.ts';
import { extension, socketAddress } from '#resolve/message.ts';
import type { AccessLogSettings } from '#resolve/telemetry.ts';
import { validate } from './validate.ts';

type Listener = MessageInitShape<typeof ListenerSchema>;

/** @returns what Envoy says against a listener with these logs; empty for nothing */
function envoySays(t: TestContext, logs: AccessLogSettings): Promise<string> {
  const manager = extension('manager', HttpConnectionManagerSchema, {
    statPrefix: 'x',
    routeSpecifier: { case: 'routeConfig', value: { name: 'x' } },
    httpFilters: [extension('envoy.filters.http.router', RouterSchema, {})],
    accessLog: httpAccessLogs(logs, 'inbound'),
  });
  const listener: Listener = {
    name: 'x',
    address: socketAddress({ address: '127.0.0.1', port: 0 }),
    filterChains: [{ filters: [manager] }],
  };
  return validate(t, { listeners: [create(ListenerSchema, listener)], clusters: [] });
}

const logOf = (text: string, filter = ''): AccessLogSettings[number] => ({
  kind: 'file',
  path: '/dev/stdout',
  format: { kind: 'text', text },
  omitsEmptyValues: false,
  filter,
});

/** Arguments of which some operator takes at least one. */
const ARGUMENTS = [
  'a',
  'a:b',
  'a:b:c',
  ':PATH',
  'X-A?:PATH',
  '24',
  'NUMBER',
  'NQ:ORIG_OR_PATH',
  'DECODED',
  'SNI_FIRST:ORIG_OR_HOST',
  'DS_RX_BEG:US_TX_BEG:ms',
  'a:PLAIN',
  'a:FIELD:b',
  'DYNAMIC:a:b',
  'VIRTUAL_HOST:a',
  '%Y-%m-%d',
  'request.headers["a"]',
];

test('Envoy takes every operator that we take, in every form', async (t) => {
  const forms = [...LOG_OPERATORS.keys()].flatMap((name) =>
    ['', ...ARGUMENTS.map((argument) => `(${argument})`)].flatMap((argument) =>
      ['', ':3'].map((length) => `%${name}${argument}${length}%`),
    ),
  );
  const taken = forms.filter((text) => logFormatProblem(text) === undefined);
  const names = new Set(taken.map((text) => /[A-Z0-9_]+/.exec(text)?.[0]));
  assert.equal(names.size, LOG_OPERATORS.size, 'each in one form at least');
  assert.equal(
    await envoySays(
      t,
      taken.map((text) => logOf(text)),
    ),
    '',
  );
});

const REFUSED_FORMATS = ['%UPSTREAM_CLUSTR%', '%REQ%', '%DURATION:3%', '%REQ(a)', '%CEL(a.b())%'];

for (const text of REFUSED_FORMATS) {
  test(`Envoy, too, refuses the format ${text}`, async (t) => {
    assert.notEqual(logFormatProblem(text), undefined);
    assert.notEqual(await envoySays(t, [logOf(text)]), '');
  });
}

const { tree } = fc.letrec<{ tree: string }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    fc.constantFrom(
      'a',
      'request.path',
      'response.code',
      '1',
      '2u',
      '1.5',
      '"x"',
      "r'\\d'",
      'true',
    ),
    fc.constantFrom('namespace', 'a.in', '"\\q"', '9223372036854775808', 'b"x"'),
    fc
      .tuple(tie('tree'), fc.constantFrom('&&', '==', '<', '+', 'in', '%'), tie('tree'))
      .map(([a, operator, b]) => `${a} ${operator} ${b}`),
    fc.tuple(fc.constantFrom('!', '-', '(', '['), tie('tree')).map(([open, inner]) => {
      const close = open === '(' ? ')' : open === '[' ? ']' : '';
      return `${open}${inner}${close}`;
    }),
    fc
      .tuple(
        fc.constantFrom('size', 'matches', 'int', 'has', 're.capture', 'string', 'duration', 'f'),
        fc.array(tie('tree'), { maxLength: 3 }),
      )
      .map(([name, parts]) => `${name}(${parts.join(', ')})`),
    fc
      .tuple(
        tie('tree'),
        fc.constantFrom('size', 'matches', 'contains', 'getHours', 'split', 'exists', 'x'),
        fc.array(tie('tree'), { maxLength: 2 }),
      )
      .map(([of, name, parts]) => `${of}.${name}(${parts.join(', ')})`),
    fc.tuple(tie('tree'), tie('tree'), tie('tree')).map(([a, b, c]) => `${a} ? ${b} : ${c}`),
  ),
}));

test('Envoy takes every filter that we take', async (t) => {
  const samples = fc.sample(tree, { numRuns: 4000, seed: 7 });
  const taken = [...new Set(samples)].filter((text) => expressionProblem(text) === undefined);
  assert(taken.length > 300, `only ${taken.length} of the samples are taken`);
  assert.equal(
    await envoySays(
      t,
      taken.map((filter) => logOf('x', filter)),
    ),
    '',
  );
});

const REFUSED_FILTERS = ['a b', 'request.path.split("/") == []', '[1].exists(x, true)', 'a.in'];

for (const filter of REFUSED_FILTERS) {
  test(`Envoy, too, refuses the filter ${filter}`, async (t) => {
    assert.notEqual(expressionProblem(filter), undefined);
    assert.notEqual(await envoySays(t, [logOf('x', filter)]), '');
  });
}
