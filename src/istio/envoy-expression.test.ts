import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expressionProblem } from './envoy-expression.ts';

// That Envoy agrees is asked in test/envoy/log-syntax.test.ts.
const GOOD = [
  'response.code >= 400',
  '!has(request.headers.x) || request.headers["x"] == r"\\d"',
  'request.url_path.startsWith("/health") ? false : true // probes',
  'size(request.path) > 1 && request.path.size() < 10',
  'matches(request.path, "^/a") || request.path.matches(connection.sni)',
  're.capture(connection.uri_san_peer_certificate, "spiffe://([^/]+)/.*") == "td"',
  'request.time.getHours("UTC") in [1, 2,] && duration("1s") < request.duration',
  '"\\x41\\u00e9\\101\\n" == "a"',
  Array(300).fill('a == 1').join(' || '),
];

const BAD: readonly (readonly [expression: string, problem: RegExp])[] = [
  ['', /syntax|expected/],
  ['a b', /syntax error/],
  ['a ==', /./],
  ['(a', /expected '\)'/],
  ['size(a,)', /^a comma before a closing bracket$/],
  ['request.path.split("/")[0] == "a"', /^Envoy has no \.split\(\) of 1 arguments$/],
  ['string(response.code) == "200"', /^Envoy has no string\(\) of 1 arguments$/],
  ['nope(1)', /^Envoy has no nope\(\)/],
  ['size()', /^Envoy has no size\(\) of 0 arguments$/],
  ['a.int()', /^Envoy has no \.int\(\)/],
  ['x.re.capture("a", "b")', /^Envoy has no \.capture\(\)/],
  ['[1].exists(x, x == 1)', /^Envoy takes no exists\(\) here$/],
  ['!-a', /^! and - side by side$/],
  ['has(a)', /one field selection/],
  ['namespace == "a"', /^namespace is a reserved word$/],
  ['a.in', /^in is no name of a field$/],
  ['matches(a, "(?=b)")', /no regular expression of RE2/],
  ['9223372036854775808 == a', /no integer of 64 bits/],
  ['"\\q" == a', /unknown escape/],
  ['"\\ud800" == a', /half a character/],
  ['"\\UFFFFFFFF" == a', /unknown escape/],
  ['a\u00a0&& b', /unexpected/],
  ['('.repeat(40) + 'a' + ')'.repeat(40), /brackets in one another/],
  ['a' + '.b'.repeat(40), /more than 30 levels/],
  [`a == "${'b'.repeat(5000)}"`, /longer than 4096/],
];

for (const expression of GOOD) {
  test(`taken: ${expression.slice(0, 60)}`, () => {
    assert.equal(expressionProblem(expression), undefined);
  });
}
for (const [expression, problem] of BAD) {
  test(`refused: ${expression.slice(0, 60)}`, () => {
    assert.match(expressionProblem(expression) ?? '', problem);
  });
}
