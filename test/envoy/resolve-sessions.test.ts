// What the resolver makes, in two real Envoys: calls go through, and what changes around a session
// that is open does not cut it, unless it must.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { LOG_NAME } from '#base/access-log-tags.ts';
import { systemClock } from '#base/clock.ts';
import type { AuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import type { AuthorizationRule } from '#istio/authorizationpolicy/schema.ts';
import { policyOf } from '#istio/destinationrule/traffic-policy.ts';
import type { DestinationPolicy } from '#model/mesh.ts';
import { CAPTURE_PROBE_ANSWER, CAPTURE_PROBE_PORT, VIRTUAL_OUTBOUND_PORT } from '#resolve/names.ts';
import { DRAIN_SECONDS, eventually } from './resolve-envoy.ts';
import {
  CLIENT_ID,
  credentialsFor,
  HOST,
  SERVER,
  SERVER_ADDRESS,
  SERVICE_ADDRESS,
  setEndpoints,
  setPorts,
  settleDown,
  World,
} from './resolve-world.ts';

const SERVER_ID = 'spiffe://cluster.local/ns/default/sa/db';
const SERVER_SUBJECT = 'CN=db,OU=WorkloadEntry,O=cluster.local';
const STRANGER_ID = 'spiffe://cluster.local/ns/shop/sa/stranger';

function policy(
  action: 'ALLOW' | 'DENY',
  rules: readonly AuthorizationRule[],
): AuthorizationPolicy {
  return {
    namespace: 'default',
    name: 'test',
    createdAtMs: 0,
    labels: {},
    annotations: {},
    action,
    selector: {},
    targets: [],
    rules,
    provider: '',
    isDryRun: false,
  };
}

const ruleOf = (mode: 'DISABLE' | 'ISTIO_MUTUAL'): DestinationPolicy => ({
  policy: policyOf({ tls: { mode } }),
  subsets: [],
});

const only = (principal: string): AuthorizationPolicy =>
  policy('ALLOW', [{ from: [{ source: { principals: [principal.replace('spiffe://', '')] } }] }]);

describe('sessions', { concurrency: false }, () => {
  let world: World;

  before(async () => {
    world = await World.create();
  });
  after(() => world[Symbol.asyncDispose]());

  const setPolicies = (...policies: readonly AuthorizationPolicy[]): void => {
    const of = (action: 'ALLOW' | 'DENY') => policies.filter((policy) => policy.action === action);
    const authorization = { allow: of('ALLOW'), deny: of('DENY'), audit: [], custom: [] };
    world.mesh.policies.set(SERVER.key, authorization);
    world.plane.push();
  };
  const becomes = (what: string, expected: boolean, talk: () => Promise<boolean>): Promise<true> =>
    eventually(what, async () => (await talk()) === expected);
  const clientTalks = (): Promise<boolean> => world.canTalk(world.dial());

  /** Does something while a session through both proxies is held, and says that it lived. */
  async function holding(change: () => Promise<void>): Promise<void> {
    using held = await world.dial();
    assert.equal(await held.say('before'), 'before');
    await change();
    assert.equal(await held.say('after'), 'after');
    await settleDown((DRAIN_SECONDS + 0.7) * 1000);
    assert.equal(await held.say('later'), 'later');
  }

  test('a call goes through both proxies, encrypted, and both write it down', async () => {
    const { plane, port } = world;
    assert(await clientTalks());
    assert.deepEqual(plane.rejections, []);
    const lines = await eventually('both lines', () => {
      const lines = world.accessLogLines();
      return lines.length >= 2 && lines;
    });
    const sni = `outbound_.${port}_._.${HOST}`;
    const outbound = lines.find((line) => line.includes(` outbound|${port}||${HOST} `));
    const inbound = lines.find((line) => line.includes(` inbound|${port}|postgres|${HOST} `));
    const upstream = `"${SERVER_ADDRESS}:${port}" outbound|${port}||${HOST} `;
    assert.match(outbound ?? '', /^\[[^\]]+Z\] "- - -" 0 - - .* 5 5 \d+ - "-" "-" "-" "-" /);
    assert(outbound?.includes(upstream), outbound);
    assert(outbound?.includes(` ${SERVICE_ADDRESS}:${port} `), outbound);
    assert(inbound?.includes(`"127.0.0.1:${port}" inbound|`), inbound);
    assert(inbound?.endsWith(` ${sni} -`), inbound);
    assert.equal(lines.length, 2, 'one line for each connection and proxy');
  });

  test('the capture probe is answered by the proxy, at any address', async () => {
    using probe = await world.dialElsewhere(CAPTURE_PROBE_PORT);
    assert.equal(await probe.heard(), CAPTURE_PROBE_ANSWER);
  });

  test('a connection to the proxy itself is ended, not passed on to itself', async () => {
    using lost = await world.dialElsewhere(VIRTUAL_OUTBOUND_PORT);
    assert.equal(await lost.heard(), '');
    const clusters = await world.clientEnvoy.ask('/clusters');
    assert.deepEqual(clusters.match(/dst\|127\.66[^:]*:\d+/), null, 'no cluster was asked for');
  });

  test('the agent is told who talked to whom, when and how much', async () => {
    const kinds = (logName: string) =>
      world.plane.accessLog
        .filter((line) => line.logName === logName)
        .map(({ entry }) => entry.commonProperties);
    using session = await world.dial();
    assert.equal(await session.say('12345'), '12345');
    const [outbound] = await eventually('an outbound entry', () => {
      const entries = kinds(LOG_NAME.outboundTcp);
      return entries.length > 0 && entries;
    });
    const {
      connect_us: connectUs,
      upstream_cluster: cluster,
      ...tags
    } = outbound?.customTags ?? {};
    assert(Number(connectUs) > 0, connectUs);
    assert.match(cluster ?? '', new RegExp(`^outbound\\|\\d+\\|\\|${HOST}$`));
    assert.deepEqual(tags, {
      response_flags: '-',
      upstream_local_uri: CLIENT_ID,
      upstream_peer_uri: SERVER_ID,
      upstream_peer_subject: SERVER_SUBJECT,
      upstream_tls_version: 'TLSv1.3',
      service: `${HOST}|${HOST}|default`,
    });
    const inbound = await eventually('an inbound entry with both identities', () =>
      kinds(LOG_NAME.inboundTcp).find((common) => common?.tlsProperties),
    );
    const names = (properties: 'peerCertificateProperties' | 'localCertificateProperties') =>
      inbound?.tlsProperties?.[properties]?.subjectAltName.map(({ san }) => san.value);
    assert.deepEqual(names('peerCertificateProperties'), [CLIENT_ID]);
    assert.deepEqual(names('localCertificateProperties'), [SERVER_ID]);
    assert.equal(inbound?.tlsProperties?.tlsVersion, 4, 'TLS 1.3');
  });

  test('live through a policy that refuses their like on this very port', () =>
    holding(async () => {
      setPolicies(policy('DENY', [{ from: [{ source: { namespaces: ['shop'] } }] }]));
      await becomes('new sessions are refused', false, clientTalks);
      setPolicies(only(CLIENT_ID));
      await becomes('new sessions are let in', true, clientTalks);
      setPolicies();
    }));

  test('live through a change of another port', () =>
    holding(async () => {
      const { mesh, plane, serverEnvoy, port } = world;
      const updates = await serverEnvoy.stat('listener_manager.listener_in_place_updated');
      for (const [index, ports] of [[port, 9], [port]].entries()) {
        setPorts(mesh, ports);
        plane.push();
        await eventually('the listener is updated in place', async () => {
          const now = await serverEnvoy.stat('listener_manager.listener_in_place_updated');
          return now > updates + index;
        });
      }
    }));

  test('live through endpoints that come and go, their own included', () =>
    holding(async () => {
      const { mesh, plane, clientEnvoy, port } = world;
      const members = `cluster.outbound|${port}||${HOST}.membership_total`;
      for (const addresses of [[SERVER_ADDRESS, '127.0.0.99'], ['127.0.0.99'], [SERVER_ADDRESS]]) {
        setEndpoints(mesh, port, addresses);
        plane.push();
        await eventually('the endpoints are known', async () => {
          return (await clientEnvoy.stat(members)) === addresses.length;
        });
      }
    }));

  test('live through a new certificate, which new sessions use', () =>
    holding(async () => {
      const rotations = async (): Promise<number> =>
        world.serverEnvoy.stat('sds.default.update_success');
      const before = await rotations();
      world.plane.rotate('server', credentialsFor(SERVER_ID));
      world.plane.rotate('client', credentialsFor(CLIENT_ID));
      await eventually('the certificate is taken', async () => (await rotations()) > before);
      assert(await clientTalks());
    }));

  test('live through TLS being switched off and on, which is in force at once', () =>
    holding(async () => {
      const { mesh, plane, serverEnvoy } = world;
      const handshakes = async (): Promise<number> =>
        (await serverEnvoy.stat(`listener.${SERVER_ADDRESS}_${world.port}.ssl.handshake`)) +
        (await serverEnvoy.stat(`listener.${SERVER_ADDRESS}_${world.port}.ssl.session_reused`));
      const becomesEncrypted = async (expected: boolean): Promise<void> => {
        const pushedAtMs = systemClock.nowMs();
        plane.push();
        await eventually(`a new session is encrypted: ${expected}`, async () => {
          const before = await handshakes();
          return (await clientTalks()) && (await handshakes()) > before === expected;
        });
        const passedMs = systemClock.nowMs() - pushedAtMs;
        assert(passedMs < 10_000, 'not only after Envoy has given up waiting');
      };
      mesh.setConfig({ enableAutoMtls: false });
      await becomesEncrypted(false);
      mesh.rules.set(HOST, ruleOf('ISTIO_MUTUAL'));
      await becomesEncrypted(true);
      mesh.setConfig({ enableAutoMtls: true });
      mesh.rules.set(HOST, ruleOf('DISABLE'));
      await becomesEncrypted(false);
      mesh.rules.delete(HOST);
      await becomesEncrypted(true);
    }));

  test('with an identity that is not the server’s are refused by the client', async () => {
    world.plane.rotate('server', credentialsFor(STRANGER_ID));
    await becomes('the impostor is refused', false, clientTalks);
    world.plane.rotate('server', credentialsFor(SERVER_ID));
    await becomes('the server is accepted', true, clientTalks);
  });

  test('of somebody who is refused and silent never reach the application', async () => {
    setPolicies(only(CLIENT_ID));
    await becomes('the stranger is refused', false, () =>
      world.canTalk(world.dialMesh(STRANGER_ID)),
    );
    const { connections } = world.echo;
    using silent = await world.dialMesh(STRANGER_ID);
    await settleDown(500);
    assert(silent.isOpen);
    assert.equal(world.echo.connections, connections, 'the application is not dialled');
    assert.equal(await silent.say('at last'), undefined);
    assert.equal(world.echo.connections, connections);
    setPolicies();
    await becomes('everybody is let in again', true, () => world.canTalk(world.dialPlaintext()));
  });

  test('in plaintext end with STRICT, after the drain time; encrypted ones live on', async () => {
    const { mesh, plane } = world;
    using plaintext = await world.dialPlaintext();
    assert.equal(await plaintext.say('before'), 'before');
    await holding(async () => {
      mesh.modes.set(SERVER.key, 'STRICT');
      const strictAtMs = systemClock.nowMs();
      plane.push();
      const talk = (): Promise<boolean> => world.canTalk(world.dialPlaintext());
      await becomes('new plaintext sessions are refused', false, talk);
      assert.equal(await plaintext.say('still'), 'still');
      await plaintext.closed;
      const livedMs = systemClock.nowMs() - strictAtMs;
      assert(livedMs > (DRAIN_SECONDS - 0.5) * 1000, `cut after ${livedMs} ms`);
      assert(await clientTalks());
    });
    assert.deepEqual(plane.rejections, []);
  });
});
