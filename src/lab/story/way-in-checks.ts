// What was seen of the way in from outside, and what that proves. Pure.
import type { Check } from './checks.ts';

export type WayIn = {
  readonly vm: string;
  /** The load balancer's address. */
  readonly gateway: string;
  readonly gatewayPods: readonly string[];
  /** Whom the VM has connections to on the control plane's port. */
  readonly vmDials: readonly string[];
  /** Who has connections to that port, as the control plane's own machine sees it. */
  readonly controlPlaneSees: readonly string[];
  /** A connection from the VM straight to the control plane gets no answer at all. */
  readonly isDirectDropped: boolean;
};

export type Visit = {
  readonly url: string;
  /** Of the page that came. */
  readonly title: string;
  /** The book that was added there. */
  readonly added: string;
};

/** The VM reaches the control plane, and by the gateway only. */
export function judgeWayIn(seen: WayIn): Check {
  const { vm, gateway, gatewayPods, vmDials, controlPlaneSees, isDirectDropped } = seen;
  const dialsGateway = vmDials.length === 1 && vmDials[0] === gateway;
  const comesByGateway =
    controlPlaneSees.some((peer) => gatewayPods.includes(peer)) && !controlPlaneSees.includes(vm);
  const ok = dialsGateway && comesByGateway && isDirectDropped;
  const direct = isDirectDropped ? 'dropped' : 'let through';
  const says = ok
    ? `the VM has its control plane by ${gateway} only; what it sends there directly is dropped`
    : `the VM dials ${vmDials.join(', ') || 'nobody'}, isthmusd sees ${controlPlaneSees.join(', ')}, ` +
      `a direct connection is ${direct}`;
  return { name: 'way in', ok, says, figures: { gateway, vmDials: vmDials.join(' '), direct } };
}

/** A browser outside of the cluster has the page, and what it added is in the database. */
export function judgeVisit({ url, title, added }: Visit, committed: readonly string[]): Check {
  const isInserted = committed.includes(added);
  const ok = title !== '' && isInserted;
  const says = isInserted
    ? `"${title}" at ${url}, and the book that was added there is in PostgreSQL`
    : `"${title}" at ${url}, but "${added}" never came to PostgreSQL`;
  return { name: 'page', ok, says, figures: { url, added } };
}
