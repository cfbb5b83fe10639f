// Puts the Node into the API and says from time to time that it is still there.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { KubeClient } from '#kube/client.ts';
import type { KubeObject } from '#kube/objects.ts';
import { LEASE, NAMESPACE, NODE, type ResourceType } from '#kube/resources.ts';
import { isAlreadyExists, KubeStatusError } from '#kube/status.ts';
import {
  LEASE_NAMESPACE,
  leaseObject,
  type NodeFacts,
  nodeObject,
  nodeStatus,
} from './node-object.ts';

type Api = Pick<KubeClient, 'create' | 'patch'>;

/** @throws KubeStatusError or OperatorError when the API server does not take it */
export async function registerNode(
  client: Api,
  facts: NodeFacts,
  options: { readonly clock: Clock; readonly leaseMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const { clock, leaseMs, signal } = options;
  const nowMs = clock.nowMs();
  const object = nodeObject(facts);
  await createOrPatch(client, NODE, object, signal);
  const { name } = facts;
  const patch = { kind: 'strategic', subresource: 'status', signal } as const;
  const status = nodeStatus(facts, { nowMs, sinceMs: nowMs });
  await client.patch(NODE, { name }, { status }, patch);
  await createOrPatch(client, NAMESPACE, { metadata: { name: LEASE_NAMESPACE } }, signal);
  await createOrPatch(client, LEASE, leaseObject(name, { nowMs, leaseMs }), signal);
}

/** Renews the lease until aborted. */
export async function keepHeartbeat(
  client: Api,
  name: string,
  options: {
    readonly clock: Clock;
    readonly log: Logger;
    readonly leaseMs: number;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { clock, log, leaseMs, signal } = options;
  for (;;) {
    await clock.sleep(leaseMs, signal);
    try {
      await createOrPatch(
        client,
        LEASE,
        leaseObject(name, { nowMs: clock.nowMs(), leaseMs }),
        signal,
      );
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof KubeStatusError) && !(error instanceof OperatorError)) throw error;
      log.warn('the heartbeat was not taken', { why: error.message });
    }
  }
}

async function createOrPatch(
  client: Api,
  type: ResourceType,
  object: KubeObject,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.create(type, object, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    await client.patch(type, object.metadata, object, { kind: 'merge', signal });
  }
}
