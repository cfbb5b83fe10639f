// The access log stream carries what strangers' requests say: whatever is in it, it is counted, or
// the stream ends with a status; never with a number that is none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { silentLogger } from '#base/log.ts';
import {
  StreamAccessLogsMessage_HTTPAccessLogEntriesSchema,
  StreamAccessLogsMessage_IdentifierSchema,
  StreamAccessLogsMessage_TCPAccessLogEntriesSchema,
  StreamAccessLogsMessageSchema,
} from '#gen/envoy/service/accesslog/v3/als_pb.js';
import { AddressSchema, SocketAddressSchema } from '#gen/envoy/config/core/v3/address_pb.js';
import {
  AccessLogCommonSchema,
  HTTPAccessLogEntrySchema,
  TCPAccessLogEntrySchema,
} from '#gen/envoy/data/accesslog/v3/accesslog_pb.js';
import { FakeCall } from '#xds/fake-call.ts';
import { fuzz } from '../../test/fuzz/harness.ts';
import { createAlsHandler } from './als.ts';

const text = fc.oneof(fc.string(), fc.constantFrom('', 'isthmus-inbound', 'spiffe://td/ns/a/sa/b'));
const count = fc.oneof(fc.nat().map(BigInt), fc.constantFrom(0n, 2n ** 63n, 2n ** 64n - 1n));
const socket = { address: '10.0.0.1', portSpecifier: { case: 'portValue' as const, value: 80 } };
const address = create(AddressSchema, {
  address: { case: 'socketAddress', value: create(SocketAddressSchema, socket) },
});
const common = fc
  .record({
    streamId: text,
    accessLogType: fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7),
    seconds: fc.bigInt(-(2n ** 62n), 2n ** 62n),
    nanos: fc.integer(),
    upstreamCluster: text,
    routeName: text,
  })
  .map(({ seconds, nanos, ...fields }) =>
    create(AccessLogCommonSchema, {
      ...fields,
      startTime: { seconds, nanos },
      duration: { seconds, nanos },
      downstreamRemoteAddress: address,
      upstreamRemoteAddress: address,
    }),
  );
const tcp = fc
  .record({
    commonProperties: common,
    connectionProperties: fc.record({ sentBytes: count, receivedBytes: count }),
  })
  .map((fields) => create(TCPAccessLogEntrySchema, fields));
const http = fc
  .record({ commonProperties: common, request: fc.record({ authority: text, path: text }) })
  .map((fields) => create(HTTPAccessLogEntrySchema, fields));

const message = fc
  .tuple(
    text,
    fc.array(fc.oneof(tcp, fc.constant(create(TCPAccessLogEntrySchema))), { maxLength: 3 }),
    fc.array(fc.oneof(http, fc.constant(create(HTTPAccessLogEntrySchema))), { maxLength: 3 }),
    fc.boolean(),
  )
  .map(([logName, tcpEntries, httpEntries, isTcp]) => {
    const identifier = create(StreamAccessLogsMessage_IdentifierSchema, { logName });
    const value = create(StreamAccessLogsMessage_TCPAccessLogEntriesSchema, {
      logEntry: tcpEntries,
    });
    const requests = create(StreamAccessLogsMessage_HTTPAccessLogEntriesSchema, {
      logEntry: httpEntries,
    });
    const logEntries = isTcp
      ? ({ case: 'tcpLogs', value } as const)
      : ({ case: 'httpLogs', value: requests } as const);
    const whole = create(StreamAccessLogsMessageSchema, { identifier, logEntries });
    return toBinary(StreamAccessLogsMessageSchema, whole);
  });

test('whatever is logged is counted, or ends the stream', () => {
  let entryCount = 0;
  const isCount = (value: number): boolean => !Number.isNaN(value);
  const handler = createAlsHandler({
    log: silentLogger,
    reader: {
      connection: (_, { receivedBytes, sentBytes }) => {
        entryCount += 1;
        assert(isCount(receivedBytes) && isCount(sentBytes));
      },
      request: (_, { durationMs, requestBytes, responseBytes }) => {
        entryCount += 1;
        assert([durationMs, requestBytes, responseBytes].every(isCount));
      },
    },
  });
  const bytes = fc.oneof({ weight: 3, arbitrary: message }, fc.uint8Array({ maxLength: 100 }));
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 4 }), (messages) => {
      const call = new FakeCall();
      handler(call);
      for (const one of messages) if (!call.outcome) call.onMessage(one);
      call.onEnd();
      assert(call.outcome);
    }),
    fuzz(2000),
  );
  assert(entryCount > 0, 'some are counted');
});
