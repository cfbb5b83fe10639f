// What the feed says of one proxy's acknowledgements.
import type { MeshNode } from '../../../api/types.ts';

export type Acknowledgement = {
  /** Another one whenever something was acknowledged or rejected. */
  readonly key: string;
  /** Envoy's words; empty: it rejected nothing. */
  readonly rejection: string;
};

export function acknowledgementOf({ instances }: MeshNode, key: string): Acknowledgement {
  const agent = instances.find((instance) => instance.key === key)?.agent;
  if (!agent) return { key: '', rejection: '' };
  const { acknowledged, subscribed, rejection } = agent;
  return { key: `${acknowledged}/${subscribed} ${rejection}`, rejection };
}
