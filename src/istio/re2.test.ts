import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRe2 } from './re2.ts';

test('regular expressions that RE2 takes', () => {
  const texts = [
    '',
    '.*',
    '^/v[0-9]+(/.*)?$',
    '(?i)catalogue',
    '(?i:a)|b',
    '(?P<name>a)(?<other>b)(?:c)',
    '[[:alpha:]_-]+',
    '[^]a]*',
    '[]a]',
    '\\Qa.b(\\E+',
    '\\A\\d\\z',
    '\\p{Greek}\\pL\\P{^Lu}',
    '\\x41\\x{1F600}',
    'a{2}b{2,}c{2,1000}',
    'a{,3}',
    'a*?b+?c??',
    '\\.\\-\\/',
  ];
  for (const text of texts) assert(isRe2(text), text);
});

test('regular expressions that RE2 does not take', () => {
  const texts = [
    '[',
    '(',
    'a)',
    '*',
    '(?=a)',
    '(?!a)',
    '(?<=a)b',
    '(?<!a)b',
    '(?>a)',
    '(a)\\1',
    '\\k<a>',
    '\\u0041',
    '\\',
    'a{1001}',
    'a{3,2}',
    'a*+',
    '[[:nothing:]]',
    '[b-a]',
    'a'.repeat(5000),
  ];
  for (const text of texts) assert(!isRe2(text), text);
});
