import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSameEdge } from './edges.ts';
import { edgeOf } from './fake-flows.ts';

const http = { requests: 1, failed: 0, clientErrors: 0, client: null, server: null };

test('numbers of traffic are told with its times, and not each by itself', () => {
  const before = edgeOf(1, { http, recent: { bytes: 10, encryptedBytes: 10 } });
  const more = { http: { ...http, requests: 9 }, recent: { bytes: 90, encryptedBytes: 90 } };
  assert(isSameEdge(before, { ...before, ...more }, 10_000));
  assert(!isSameEdge(before, { ...before, ...more, lastSeenMs: 11_000 }, 10_000));
  assert(!isSameEdge(before, { ...before, http: null }, 10_000), 'there were none for a minute');
});
