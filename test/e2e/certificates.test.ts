// Identity from end to end: service accounts, Pods and WorkloadEntries in the embedded API server,
// its tokens, and the certificates that they become, over TLS.
import assert from 'node:assert/strict';
import { hash, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { create, fromBinary, toBinary, type JsonObject } from '@bufbuild/protobuf';
import { systemClock, withDeadline } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { loadOrCreateAuthority } from '#ca/root-secret.ts';
import { createRootPublisher } from '#ca/root-config-map.ts';
import { createCertificateRequest, createWorkloadKey, renderPrivateKey } from '#ca/csr.ts';
import { issueServerCertificate, serverNames } from '#ca/server-certificate.ts';
import { certificateServiceMethods, CREATE_CERTIFICATE } from '#ca/service.ts';
import { createKubeDirectory } from '#ca/workload-directory.ts';
import { installKinds } from '#controlplane/crds.ts';
import {
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
} from '#gen/istio/v1/auth/ca_pb.js';
import { connectGrpc } from '#grpc/client.ts';
import { createGrpcServer } from '#grpc/server.ts';
import { GrpcStatus, GrpcStatusError, type GrpcCode } from '#grpc/status.ts';
import { KINDS } from '#istio/kinds.ts';
import type { KubeClient } from '#kube/client.ts';
import { CONFIG_MAP, NAMESPACE, POD, SERVICE_ACCOUNT, WORKLOAD_ENTRY } from '#kube/resources.ts';
import { isNotFound } from '#kube/status.ts';
import { ApiServerProcess } from './api-server.ts';

const NAMESPACE_NAME = 'default';
const POD_ACCOUNT = { namespace: NAMESPACE_NAME, name: 'inventory' };
const VM_ACCOUNT = { namespace: NAMESPACE_NAME, name: 'postgresql' };

test('tokens of the API server become certificates, and only for whom they were made', async () => {
  await using apiServer = await ApiServerProcess.start();
  const client = await apiServer.client();
  const podUid = await createWorkloads(client);
  await using service = await startService(client);
  const options = { audiences: ['istio-ca'], expirationSeconds: 600 };
  const boundPod = { name: 'inventory-1', uid: podUid };
  const podToken = await client.createToken(POD_ACCOUNT, { ...options, boundPod });
  const vmToken = await client.createToken(VM_ACCOUNT, options);

  const pod = await service.ask({ token: podToken.token });
  assert.equal(pod.leaf.subject, 'O=cluster.local\nOU=Pod\nCN=inventory-1');
  assert.equal(pod.leaf.subjectAltName, 'URI:spiffe://cluster.local/ns/default/sa/inventory');
  const machine = await service.ask({ token: vmToken.token });
  assert.equal(machine.leaf.subject, 'O=cluster.local\nOU=WorkloadEntry\nCN=postgresql-1-vm');
  const renewed = await service.ask({ cert: machine.chain, key: machine.key });
  assert.equal(renewed.leaf.subject, machine.leaf.subject);

  const foreign = await client.createToken(VM_ACCOUNT, { ...options, audiences: ['vault'] });
  const refused = (what: Question, code: GrpcCode, message: RegExp): Promise<void> =>
    assert.rejects(service.ask(what), (error) => {
      assert(error instanceof GrpcStatusError && error.code === code, String(error));
      assert.match(error.message, message);
      return true;
    });
  await refused({ token: foreign.token }, GrpcStatus.unauthenticated, /meant for vault; get one/);
  const forged = `${vmToken.token.slice(0, -8)}AAAAAAAA`;
  await refused({ token: forged }, GrpcStatus.unauthenticated, /not accepted/);
  const other = { token: podToken.token, metadata: { WorkloadEntry: 'postgresql-1-vm' } };
  await refused(other, GrpcStatus.permissionDenied, /bound to Pod inventory-1/);

  await client.remove(WORKLOAD_ENTRY, { namespace: NAMESPACE_NAME, name: 'postgresql-1-vm' });
  await refused({ token: vmToken.token }, GrpcStatus.permissionDenied, /register the machine/);
  const again = { cert: renewed.chain, key: renewed.key };
  await refused(again, GrpcStatus.permissionDenied, /no WorkloadEntry postgresql-1-vm .* any more/);
  await client.remove(POD, { namespace: NAMESPACE_NAME, name: 'inventory-1' });
  const gone = { cert: pod.chain, key: pod.key };
  await refused(gone, GrpcStatus.permissionDenied, /no Pod inventory-1 .* any more/);

  await apiServer.kill();
  await refused({ token: vmToken.token }, GrpcStatus.unavailable, /cannot be checked now/);
});

test('replicas agree on one root, and every namespace gets it', async () => {
  await using apiServer = await ApiServerProcess.start();
  const client = await apiServer.client();
  const options = { client, clock: systemClock, trustDomain: 'cluster.local', log: silentLogger };
  const replicas = await Promise.all(
    Array.from({ length: 5 }, () => loadOrCreateAuthority(options)),
  );
  const [bundle, ...others] = new Set(replicas.map(({ trustBundlePem }) => trustBundlePem));
  assert(bundle !== undefined && others.length === 0);

  const stop = new AbortController();
  const random = (): number => 0.5;
  const publisher = createRootPublisher({ ...options, random, bundlePem: () => bundle });
  const running = publisher.run(stop.signal);
  await client.create(NAMESPACE, { metadata: { name: 'late' } });
  for (const namespace of ['default', 'istio-system', 'late']) {
    assert.deepEqual(await untilPublished(client, namespace), { 'root-cert.pem': bundle });
  }
  stop.abort();
  await running;
});

type Question = {
  readonly token?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly metadata?: JsonObject;
};

/** @returns the Pod's uid */
async function createWorkloads(client: KubeClient): Promise<string> {
  const digest = (text: string): string => hash('sha256', text);
  await installKinds(client, KINDS, { hash: digest, log: silentLogger });
  for (const metadata of [POD_ACCOUNT, VM_ACCOUNT]) {
    await client.create(SERVICE_ACCOUNT, { metadata });
  }
  const pod = await client.create(POD, {
    metadata: { namespace: NAMESPACE_NAME, name: 'inventory-1' },
    spec: { serviceAccountName: 'inventory', containers: [{ name: 'app', image: 'app' }] },
  });
  await client.create(WORKLOAD_ENTRY, {
    metadata: { namespace: NAMESPACE_NAME, name: 'postgresql-1-vm' },
    spec: { address: '10.128.0.14', serviceAccount: 'postgresql' },
  });
  return pod.metadata.uid ?? '';
}

/** The certificate service on a port of its own, its roots in the API server. */
async function startService(client: KubeClient) {
  const trustDomain = 'cluster.local';
  const common = { clock: systemClock, log: silentLogger, trustDomain };
  const authority = await loadOrCreateAuthority({ ...common, client });
  const { tls } = issueServerCertificate(authority, serverNames([]), systemClock.nowMs());
  const methods = certificateServiceMethods({
    ...common,
    audiences: ['istio-ca'],
    authority: () => authority,
    reviewToken: (token, options) => client.reviewToken(token, options),
    directory: createKubeDirectory(client),
  });
  const server = createGrpcServer({ tls, methods });
  const port = await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    async ask({ token, cert, key, metadata }: Question) {
      const ca = authority.trustBundlePem;
      const own = cert !== undefined && key !== undefined ? { cert, key } : {};
      await using channel = connectGrpc({
        target: { host: '127.0.0.1', port },
        tls: { ca, serverName: 'istiod.istio-system.svc', ...own },
      });
      const privateKey = createWorkloadKey();
      const csr = createCertificateRequest(privateKey);
      const request = create(IstioCertificateRequestSchema, { csr, ...(metadata && { metadata }) });
      const bytes = await channel.unary(
        CREATE_CERTIFICATE,
        toBinary(IstioCertificateRequestSchema, request),
        token === undefined ? {} : { metadata: { authorization: `Bearer ${token}` } },
      );
      const [chain = ''] = fromBinary(IstioCertificateResponseSchema, bytes).certChain;
      return { chain, leaf: new X509Certificate(chain), key: renderPrivateKey(privateKey) };
    },
    [Symbol.asyncDispose]: () => server.shutdown(0),
  };
}

/** What the ConfigMap says, as soon as it is there: a watch begins with what is there already. */
function untilPublished(client: KubeClient, namespace: string): Promise<unknown> {
  return withDeadline({ what: 'the root certificate', limitMs: 10_000 }, async (signal) => {
    const name = 'istio-ca-root-cert';
    try {
      return (await client.get(CONFIG_MAP, { namespace, name }, { signal }))['data'];
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    const fieldSelector = `metadata.name=${name}`;
    const options = { namespace, fieldSelector, timeoutSeconds: 60, signal };
    for await (const event of client.watch(CONFIG_MAP, options)) {
      if (event.type !== 'BOOKMARK') return event.object['data'];
    }
    throw new Error('the watch ended');
  });
}
