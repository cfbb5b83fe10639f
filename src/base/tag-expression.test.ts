import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { tagExpression, tagExpressionProblem } from './tag-expression.ts';

const CALL = {
  'request.host': 'shop.example.com',
  'request.method': 'GET',
  'response.code': 503,
  'connection.mtls': true,
};

describe('the value of a tag', () => {
  const rows: readonly (readonly [expression: string, value: string])[] = [
    [`'blue'`, 'blue'],
    ['request.host', 'shop.example.com'],
    ['response.code', '503'],
    ['string(response.code)', '503'],
    [`request.method + ' ' + request.host`, 'GET shop.example.com'],
    [`response.code >= 500 ? 'failed' : 'ok'`, 'failed'],
    [`has(request.path) ? request.path : 'none'`, 'none'],
    [`request.host.endsWith('.com') && connection.mtls`, 'true'],
    [`request.host.startsWith('a') || request.host.contains('shop')`, 'true'],
    [`!connection.mtls`, 'false'],
    // what is not there has no value, unless the other side decides
    ['request.useragent', 'unknown'],
    [`request.useragent == 'x' && false`, 'false'],
    [`request.useragent == 'x' && true`, 'unknown'],
    [`response.code + 'x'`, 'unknown'],
    [`''`, 'unknown'],
  ];
  for (const [expression, value] of rows) {
    test(expression, () => {
      assert.equal(tagExpressionProblem(expression), undefined);
      assert.equal(tagExpression(expression)(CALL), value);
    });
  }

  test('is cut', () => {
    const host = 'x'.repeat(5000);
    assert.equal(tagExpression('request.host')({ 'request.host': host }).length, 200);
  });
});

describe('what cannot be worked out says why, and is unknown', () => {
  const rows: readonly (readonly [expression: string, problem: RegExp])[] = [
    ['node.metadata', /^node\.metadata is not to be had here$/],
    [`request.headers['x']`, /only attributes/],
    [`request.host.matches('a+')`, /^no matches\(\) here$/],
    ['[1, 2]', /only attributes/],
    ['request.host +', /^expected/],
    ['a'.repeat(2000), /^longer than/],
    [`${"'x' + ".repeat(100)}'x'`, /^nested too deeply$/],
  ];
  for (const [expression, problem] of rows) {
    test(expression.slice(0, 40), () => {
      assert.match(tagExpressionProblem(expression) ?? '', problem);
      assert.equal(tagExpression(expression)(CALL), 'unknown');
    });
  }
});
