import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assert as assertProperty, integer, property, uniqueArray } from 'fast-check';
import { type Connection, connectionsTo, countMarker, isTlsOnly } from './connections.ts';
import type { Segment } from './pcap.ts';

const CLIENT = '10.24.2.23:40190';
const SERVER = '10.128.0.14:5432';

type Part = Partial<Segment> & { readonly sequence: number };

const bytes = (text: string): Uint8Array => Buffer.from(text);
const up = (part: Part): Segment => ({
  atMs: 0,
  from: CLIENT,
  to: SERVER,
  isSyn: false,
  payload: bytes(''),
  ...part,
});
const down = (part: Part): Segment => ({ ...up(part), from: SERVER, to: CLIENT });
const syn = (part: Part): Segment => up({ ...part, isSyn: true });

/** The only connection of these segments. */
function one(segments: readonly Segment[]): Connection {
  const [connection, ...more] = connectionsTo(5432, segments);
  assert(connection && more.length === 0);
  return connection;
}

test('both ways are put in order, once', () => {
  const connection = one([
    syn({ sequence: 99, atMs: 5 }),
    up({ sequence: 103, payload: bytes('def') }),
    up({ sequence: 100, payload: bytes('abc') }),
    up({ sequence: 102, payload: bytes('cde') }), // sent again, cut differently
    down({ sequence: 500, payload: bytes('xyz') }),
  ]);
  assert.equal(Buffer.from(connection.fromClient).toString(), 'abcdef');
  assert.equal(Buffer.from(connection.fromServer).toString(), 'xyz');
  assert.deepEqual(
    { ...connection, fromClient: 0, fromServer: 0 },
    {
      openedAtMs: 5,
      client: CLIENT,
      server: SERVER,
      missingBytes: 0,
      fromClient: 0,
      fromServer: 0,
    },
  );
});

test('a gap is counted', () => {
  const connection = one([
    up({ sequence: 0, payload: bytes('abc') }),
    up({ sequence: 7, payload: bytes('h') }),
  ]);
  assert.equal(connection.missingBytes, 4);
  assert.equal(isTlsOnly(connection), false);
});

test('sequence numbers may pass 2³²', () => {
  const connection = one([
    syn({ sequence: 2 ** 32 - 3 }),
    up({ sequence: 2 ** 32 - 2, payload: bytes('ab') }),
    up({ sequence: 0, payload: bytes('cd') }),
  ]);
  assert.equal(Buffer.from(connection.fromClient).toString(), 'abcd');
  assert.equal(connection.missingBytes, 0);
});

test('the same ports used again are a new connection, a repeated SYN is not', () => {
  const found = connectionsTo(5432, [
    syn({ sequence: 1, atMs: 1 }),
    syn({ sequence: 1, atMs: 2 }),
    up({ sequence: 2, payload: bytes('first') }),
    syn({ sequence: 900, atMs: 9 }),
    up({ sequence: 901, payload: bytes('second') }),
    up({ sequence: 5, from: '10.24.2.23:1', to: '10.128.0.14:22' }),
  ]);
  assert.deepEqual(
    found.map(({ openedAtMs, fromClient }) => [openedAtMs, Buffer.from(fromClient).toString()]),
    [
      [1, 'first'],
      [9, 'second'],
    ],
  );
});

test('a marker is found across segments, wherever they are cut', () => {
  const text = 'INSERT isthmus-marker COMMIT isthmus-marker';
  assertProperty(
    property(uniqueArray(integer({ min: 1, max: text.length - 1 })), (cuts) => {
      const edges = [0, ...cuts.toSorted((a, b) => a - b), text.length];
      const segments = edges.slice(1).map((end, index) => {
        const start = edges[index] ?? 0;
        return up({ sequence: start, payload: bytes(text.slice(start, end)) });
      });
      assert.equal(countMarker(one(segments.toReversed()), 'isthmus-marker'), 2);
    }),
    { seed: 3 },
  );
});

const record = (type: number, content: string): Uint8Array =>
  Buffer.concat([Buffer.from([type, 3, 3, 0, content.length]), Buffer.from(content)]);

test('TLS records only, both ways, are recognised as such', () => {
  const hello = up({ sequence: 0, payload: record(22, 'hello') });
  const answer = down({ sequence: 0, payload: record(22, 'answer') });
  const data = up({ sequence: 10, payload: record(23, 'data') });
  assert.equal(isTlsOnly(one([hello, answer, data])), true);
  assert.equal(isTlsOnly(one([hello, data])), false, 'nothing from the server is no TLS session');
  const query = up({ sequence: 10, payload: bytes('Q\0\0\0\x0dBEGIN\0') });
  assert.equal(isTlsOnly(one([hello, answer, query])), false, 'one byte in clear text is enough');
});
