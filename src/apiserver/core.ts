// The API server without sockets and files: a function from request to answer, and the tasks behind
// it. Tests use it as it is.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { runTasks } from '#base/tasks.ts';
import { inOrder } from './admission/admission.ts';
import { immortalNamespaces } from './admission/immortal-namespaces.ts';
import { serviceAccounts } from './admission/service-accounts.ts';
import { createWebhookClient } from './admission/webhook-client.ts';
import type { WebhookClient } from './admission/webhook-client.ts';
import { webhookAdmission } from './admission/webhooks.ts';
import { createAuthenticator } from './auth/authenticate.ts';
import { anyOf, mastersAuthorizer } from './auth/authorizer.ts';
import type { TokenSigner } from './auth/jwt.ts';
import { createNamespaces, createRoles, publishClientAuthority } from './bootstrap.ts';
import { runController } from './controllers/controller.ts';
import type { Controller } from './controllers/controller.ts';
import { defaultAccounts } from './controllers/default-accounts.ts';
import { definitionCleanup } from './controllers/definition-cleanup.ts';
import { garbageCollector } from './controllers/garbage-collector.ts';
import { namespaceDeletion } from './controllers/namespace-deletion.ts';
import { rootCertificates } from './controllers/root-certificates.ts';
import { handleRequest } from './http/handler.ts';
import type { HandlerParts } from './http/handler.ts';
import type { ApiRequest, ApiResponse } from './http/message.ts';
import { OpenApiDocuments } from './http/openapi.ts';
import { builtInKinds } from './kinds/built-in.ts';
import { KindRegistry } from './kinds/kind-registry.ts';
import { ServiceAddresses } from './kinds/service-addresses.ts';
import { BOOTSTRAP_ROLES } from './rbac/bootstrap-roles.ts';
import { escalationCheck } from './rbac/escalation.ts';
import { RbacAuthorizer } from './rbac/rbac-authorizer.ts';
import type { NodeClient } from './node/node-client.ts';
import { podStreams } from './node/pod-streams.ts';
import { announceServer } from './own-service.ts';
import type { OwnAddress } from './own-service.ts';
import { followStore } from './registry/follow.ts';
import { timestamp } from './registry/names.ts';
import type { Backend } from './registry/scope.ts';
import { accessReviews } from './reviews/access-review.ts';
import { podBinding, podEviction } from './reviews/pod-subresources.ts';
import { tokenRequest } from './reviews/token-request.ts';
import { tokenReview } from './reviews/token-review.ts';
import type { Store } from './store/store.ts';
import { WatchHub } from './watch/hub.ts';

export type CoreOptions = {
  readonly store: Store;
  readonly signer: TokenSigner;
  readonly serviceCidr: string;
  readonly namespaces: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly randomBytes: (size: number) => Uint8Array;
  /** How webhooks are asked; over HTTPS unless a test says otherwise. */
  readonly webhooks?: WebhookClient;
  readonly nodes: NodeClient;
  /** By what clients know the server; published in every namespace. Absent: to nobody. */
  readonly authorityPem?: string;
  /** `host:port` as clients reach the server. */
  readonly serverAddress: () => string;
};

export type ApiCore = {
  readonly backend: Backend;
  readonly hub: WatchHub;
  readonly handle: (request: ApiRequest) => Promise<ApiResponse>;
  /** Tells Pods where this server is, once it listens. */
  readonly announce: (address: OwnAddress) => Promise<void>;
  /** Runs the controllers until aborted. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Ends the watches. The store stays open: it is the caller's. */
  readonly close: () => void;
};

export async function createCore(options: CoreOptions): Promise<ApiCore> {
  const { store, signer, clock, log, randomBytes, authorityPem } = options;
  const random = () => Buffer.from(randomBytes(4)).readUInt32BE() / 2 ** 32;
  const addresses = new ServiceAddresses({ cidr: options.serviceCidr, random });
  const now = () => timestamp(clock.nowMs());
  const kinds = new KindRegistry(builtInKinds({ addresses, now }));
  const hub = new WatchHub(store);
  const onKindGone = (resource: string) => hub.endAll(resource);
  const unfollow = followStore(store, { kinds, addresses, onKindGone, log });
  const rbac = new RbacAuthorizer(store);
  const authorizer = anyOf([mastersAuthorizer, rbac]);
  const webhooks = options.webhooks ?? createWebhookClient({ store, clock, random });
  const admission = inOrder([
    immortalNamespaces,
    serviceAccounts,
    escalationCheck({ authorizer, rbac }),
    webhookAdmission(store, webhooks),
  ]);
  const backend: Backend = { store, kinds, admission, clock, log, randomBytes };
  const reviews = [tokenReview(signer), ...accessReviews({ authorizer, rbac })];
  const subresources = [
    tokenRequest(signer),
    podBinding,
    podEviction,
    ...podStreams(options.nodes),
  ];
  const sources = { kinds, reviews, subresources };
  const parts: HandlerParts = {
    authenticate: createAuthenticator({ signer, store, nowMs: () => clock.nowMs() }),
    authorizer,
    resources: { backend, hub, reviews, subresources },
    paths: {
      sources,
      openApi: new OpenApiDocuments(sources),
      signer,
      serverAddress: options.serverAddress,
    },
    log,
  };
  const controllers: readonly Controller[] = [
    namespaceDeletion,
    definitionCleanup,
    defaultAccounts,
    garbageCollector(),
    ...(authorityPem === undefined ? [] : [rootCertificates(authorityPem)]),
  ];
  await createNamespaces(backend, options.namespaces);
  await createRoles(backend, BOOTSTRAP_ROLES);
  if (authorityPem !== undefined) await publishClientAuthority(backend, authorityPem);
  return {
    backend,
    hub,
    handle: (request) => handleRequest(parts, request),
    announce: (address) => announceServer(backend, address, log),
    run: (signal) =>
      runTasks(signal, [
        ...controllers.map(
          (controller) => (inner: AbortSignal) => runController(controller, backend, inner),
        ),
        (inner) => hub.runBookmarks(clock, inner),
      ]),
    close: () => {
      unfollow();
      rbac.close();
      webhooks[Symbol.dispose]();
      hub.close();
    },
  };
}
