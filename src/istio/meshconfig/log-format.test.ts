import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLogFormat } from './log-format.ts';

const GOOD = [
  'plain',
  '%%',
  '%START_TIME%',
  '%START_TIME(%s)%x%REQ(a?b):9%',
  '%REQ(:METHOD)%',
  '%CEL(f(request.path))%',
];
const BAD = ['%START_TIME', '100%', '%REQ(%', '%REQ(a)', '%REQ(a):z%', '%REQ(a)%%', '%lower%'];

for (const text of GOOD) test(`${text} is a format`, () => assert(isLogFormat(text)));
for (const text of BAD) test(`${text} is none`, () => assert(!isLogFormat(text)));
