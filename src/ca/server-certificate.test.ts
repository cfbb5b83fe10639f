import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import {
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
} from '#gen/istio/v1/auth/ca_pb.js';
import { connectGrpc } from '#grpc/client.ts';
import { createGrpcServer, type GrpcServerTls } from '#grpc/server.ts';
import { GrpcStatus, GrpcStatusError } from '#grpc/status.ts';
import { FakeClock } from '../../test/fakes/clock.ts';
import { createCertificateRequest, createWorkloadKey, renderPrivateKey } from './csr.ts';
import { createFakeAuthority } from './fake-authority.ts';
import { issueServerCertificate, runServerCertificate, serverNames } from './server-certificate.ts';
import { certificateServiceMethods, CREATE_CERTIFICATE } from './service.ts';

const HOUR_MS = 3_600_000;
const nowMs = systemClock.nowMs();

test('it is good for Istio’s names, for this machine, and for what is given', () => {
  const names = serverNames(['mesh.example', '192.0.2.1', 'localhost', '2001:DB8::1']);
  const { tls } = issueServerCertificate(createFakeAuthority(nowMs).authority, names, nowMs);
  const certificate = new X509Certificate(tls.cert);
  for (const name of ['istiod.istio-system.svc', 'istiod.istio-system.svc.cluster.local']) {
    assert(certificate.checkHost(name), name);
  }
  for (const name of ['isthmusd.istio-system.svc', 'localhost', 'mesh.example']) {
    assert(certificate.checkHost(name), name);
  }
  for (const ip of ['127.0.0.1', '::1', '192.0.2.1', '2001:db8::1']) {
    assert(certificate.checkIP(ip), ip);
  }
  assert(!certificate.checkHost('other.example'));
});

test('it is renewed at half of its life, and at once when the authority changes', async () => {
  const [first, second] = [createFakeAuthority(nowMs), createFakeAuthority(nowMs)];
  let { authority } = first;
  const clock = new FakeClock(nowMs);
  const applied: GrpcServerTls[] = [];
  const listeners = new Set<() => void>();
  const stop = new AbortController();
  const names = serverNames([]);
  const running = runServerCertificate(
    issueServerCertificate(authority, names, nowMs),
    {
      authority: () => authority,
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      names,
      apply: (tls) => applied.push(tls),
      clock,
      random: () => 0,
      log: silentLogger,
    },
    stop.signal,
  );
  clock.advance(11 * HOUR_MS);
  await nextTurn();
  assert.equal(applied.length, 0);
  clock.advance(HOUR_MS);
  await nextTurn();
  assert.equal(applied.length, 1);

  clock.advance(6 * HOUR_MS);
  ({ authority } = second);
  for (const listener of listeners) listener();
  assert.equal(applied[1]?.clientCa, second.rootPem);
  clock.advance(6 * HOUR_MS);
  await nextTurn();
  assert.equal(applied.length, 2, 'half of the life of the one before is over, not of this one');
  clock.advance(6 * HOUR_MS);
  await nextTurn();
  assert.equal(applied.length, 3);
  stop.abort();
  await running;
  assert.equal(listeners.size, 0);
});

test('a workload joins by token and renews by certificate over TLS, on a renewed server', async () => {
  const mesh = createFakeAuthority(nowMs);
  const names = serverNames([]);
  const server = createGrpcServer({
    tls: issueServerCertificate(mesh.authority, names, nowMs).tls,
    methods: certificateServiceMethods({
      trustDomain: 'cluster.local',
      audiences: ['istio-ca'],
      authority: () => mesh.authority,
      clock: systemClock,
      log: silentLogger,
      reviewToken: async (token) =>
        token === 'good'
          ? {
              isAuthenticated: true,
              username: 'system:serviceaccount:default:inventory',
              groups: [],
              extra: { 'authentication.kubernetes.io/pod-name': ['inventory-1'] },
              audiences: ['istio-ca'],
            }
          : { isAuthenticated: false, problem: 'invalid bearer token' },
      directory: {
        entries: async () => [],
        find: async (_kind, _holder, name) => name,
      },
    }),
  });
  const port = await server.listen({ host: '127.0.0.1', port: 0 });
  const ask = async (
    credentials: { readonly token?: string; readonly cert?: string; readonly key?: string },
    key = createWorkloadKey(),
  ): Promise<{ chain: string[]; key: string }> => {
    const { token, cert, key: clientKey } = credentials;
    await using channel = connectGrpc({
      target: { host: '127.0.0.1', port },
      tls: {
        ca: mesh.rootPem,
        serverName: 'istiod.istio-system.svc',
        ...(cert !== undefined && clientKey !== undefined && { cert, key: clientKey }),
      },
    });
    const request = create(IstioCertificateRequestSchema, { csr: createCertificateRequest(key) });
    const bytes = await channel.unary(
      CREATE_CERTIFICATE,
      toBinary(IstioCertificateRequestSchema, request),
      token === undefined ? {} : { metadata: { authorization: `Bearer ${token}` } },
    );
    const { certChain } = fromBinary(IstioCertificateResponseSchema, bytes);
    return { chain: certChain, key: renderPrivateKey(key) };
  };
  try {
    const joined = await ask({ token: 'good' });
    assert.equal(joined.chain.length, 2);
    assert.equal(joined.chain.at(-1), mesh.rootPem);
    server.setTls(issueServerCertificate(mesh.authority, names, nowMs).tls);
    const renewed = await ask({ cert: joined.chain[0] ?? '', key: joined.key });
    const [before, after] = [joined, renewed].map(
      ({ chain }) => new X509Certificate(chain[0] ?? ''),
    );
    assert.equal(after?.subjectAltName, before?.subjectAltName);
    assert.equal(after?.subject, before?.subject);
    assert.notEqual(after?.serialNumber, before?.serialNumber);
    await assert.rejects(ask({ token: 'bad' }), isUnauthenticated);
    await assert.rejects(ask({}), isUnauthenticated);
  } finally {
    await server.shutdown(0);
  }
});

const isUnauthenticated = (error: unknown): boolean =>
  error instanceof GrpcStatusError && error.code === GrpcStatus.unauthenticated;
