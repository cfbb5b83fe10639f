// What a proxy sends is a stranger's: whatever the bytes, the stream goes on or ends with a status,
// the server does not fail, and nothing stays held when the stream has ended.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { DeltaDiscoveryRequestSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { fuzz } from '../../test/fuzz/harness.ts';
import { FakeCall } from './fake-call.ts';
import { FakeCatalog } from './fake-catalog.ts';
import { DELTA_ADS_PATH, XdsServer } from './server.ts';
import { CLUSTER_TYPE, ENDPOINTS_TYPE, LISTENER_TYPE } from './type-urls.ts';

const name = fc.constantFrom('a', 'b', '*', '', 'dst|10.0.0.1:80', '\0', 'x'.repeat(2000));
const names = fc.array(name, { maxLength: 5 });

const request = fc
  .record({
    typeUrl: fc.constantFrom(CLUSTER_TYPE, ENDPOINTS_TYPE, LISTENER_TYPE, 'type.x/unknown', ''),
    resourceNamesSubscribe: names,
    resourceNamesUnsubscribe: names,
    initialResourceVersions: fc.dictionary(name, fc.string(), { maxKeys: 3 }),
    responseNonce: fc.constantFrom('', '1', '2', 'old'),
    errorDetail: fc.constantFrom(undefined, { code: 3, message: 'no' }),
  })
  .map(({ errorDetail, ...rest }) =>
    toBinary(
      DeltaDiscoveryRequestSchema,
      create(DeltaDiscoveryRequestSchema, { ...rest, ...(errorDetail && { errorDetail }) }),
    ),
  );

/** A good request with some bytes changed. */
const damaged = fc
  .tuple(request, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }))
  .map(([bytes, changes]) => {
    const copy = Uint8Array.from(bytes);
    for (const [at, byte] of changes) if (copy.length > 0) copy[at % copy.length] = byte;
    return copy;
  });

const message = fc.oneof(request, damaged, fc.uint8Array({ maxLength: 100 }));

test('whatever a proxy sends, its stream goes on or ends with a status', async () => {
  let answeredCount = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 8 }), async (messages) => {
      const catalog = new FakeCatalog<string>();
      catalog.put(CLUSTER_TYPE, { name: 'a', version: '1', bytes: Uint8Array.of() });
      const server = new XdsServer<string>({
        catalog,
        authenticate: (call) => ({ ok: true, proxy: 'class', id: call.remoteAddress }),
        isReady: () => true,
      });
      const call = new FakeCall();
      server.methods[DELTA_ADS_PATH]?.(call);
      for (const bytes of messages) {
        if (call.outcome) break;
        call.onMessage(bytes);
        await turn();
      }
      if (call.sent.length > 0) answeredCount += 1;
      call.disconnect();
      await turn();
      assert.equal(catalog.heldCount, 0);
    }),
    fuzz(1500),
  );
  assert(answeredCount > 0, 'some are answered');
});
