// `GET /api/v1/events?since=<revision>`: what has changed, one server-sent event each. The event's id
// is the revision, one more than the last event's or the same: a greater step is a loss, and the
// client fetches the snapshot. `sample` may have no id. A comment comes every ten seconds when nothing
// else does.
import type { Alert, CertificateView, MeshEdge, MeshNode, MeshStatus, Sample } from './graph.ts';
import type { Join } from './joins.ts';

/** `type` is the SSE event's name, all of it is its data. */
export type MeshEvent =
  | { readonly type: 'node.upsert'; readonly node: MeshNode }
  | { readonly type: 'node.gone'; readonly id: string; readonly atMs: number }
  | { readonly type: 'edge.upsert'; readonly edge: MeshEdge }
  | { readonly type: 'edge.gone'; readonly id: string }
  /** Once a second, all edges on which something moved, and once more when it has stopped. */
  | { readonly type: 'sample'; readonly atMs: number; readonly samples: readonly Sample[] }
  | { readonly type: 'join.step'; readonly join: Join }
  | { readonly type: 'cert.upsert'; readonly node: string; readonly certificate: CertificateView }
  | { readonly type: 'policy.upsert'; readonly policy: PolicyChange }
  | { readonly type: 'denial'; readonly denial: Denial }
  | { readonly type: 'config.sync'; readonly status: MeshStatus }
  | { readonly type: 'alert'; readonly alert: Alert; readonly isOver: boolean }
  /** What was asked for is too long ago, or too much was missed: fetch the snapshot anew. */
  | { readonly type: 'reset'; readonly reason: string };

export type MeshEventType = MeshEvent['type'];

export type PolicyChange = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Empty: the object has gone. */
  readonly resourceVersion: string;
  /** Who did it, as far as the object's managedFields tell. */
  readonly by: string;
  readonly atMs: number;
};

/** A connection or request that policy refused. */
export type Denial = {
  readonly edge: string;
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly clientIdentity: string;
  /** `namespace/name` of the policy where one refused it; empty: no rule allowed it. */
  readonly policy: string;
  readonly atMs: number;
};
