// Is this workload's proxy fit to carry traffic? What decides is pure; the servers only ask.
import type { HttpHandler } from './http-server.ts';
import { answer } from './http-server.ts';
import type { IdentityState } from './identity.ts';

export type CaptureStatus =
  | { readonly kind: 'off' }
  /** Not put in place yet: Envoy is not live. */
  | { readonly kind: 'waiting' }
  | { readonly kind: 'verified' }
  | { readonly kind: 'failed'; readonly reason: string };

export type HealthInputs = {
  /** Envoy says LIVE: it has its listeners, clusters and secrets. */
  readonly isEnvoyLive: boolean;
  readonly identity: IdentityState['kind'];
  readonly capture: CaptureStatus;
  readonly isLeaving: boolean;
  readonly isEnding: boolean;
};

/** Why the workload is not ready; empty when it is. */
export function unreadyReasons(inputs: HealthInputs): readonly string[] {
  const { isEnvoyLive, identity, capture, isLeaving, isEnding } = inputs;
  if (isEnding) return ['the workload is ending'];
  const reasons: string[] = [];
  if (isLeaving) reasons.push('the workload is leaving the mesh');
  if (identity === 'none') reasons.push('there is no certificate yet');
  if (identity === 'expired') reasons.push('the certificate has expired');
  if (!isEnvoyLive) reasons.push('Envoy is not live: it is down or waits for its configuration');
  if (capture.kind === 'waiting') reasons.push('traffic is not captured yet');
  if (capture.kind === 'failed') reasons.push(`traffic is not captured: ${capture.reason}`);
  return reasons;
}

/** `/healthz/ready`, as kubelet and load balancers ask on 15021. */
export function createReadyHandler(reasons: () => Promise<readonly string[]>): HttpHandler {
  return async (request, response) => {
    if (pathOf(request.url) !== '/healthz/ready') return answer(response, 404, 'not found\n');
    const unready = await reasons();
    if (unready.length === 0) answer(response, 200, 'ready\n');
    else answer(response, 503, `${unready.join('\n')}\n`);
  };
}

/** Port 15020: readiness again, and the agent's state for people. */
export function createStatusHandler(options: {
  readonly ready: HttpHandler;
  readonly status: () => Promise<object>;
}): HttpHandler {
  return async (request, response) => {
    if (pathOf(request.url) !== '/debug/status') return options.ready(request, response);
    answer(response, 200, `${JSON.stringify(await options.status(), undefined, 2)}\n`);
  };
}

const pathOf = (url: string | undefined): string => url?.split('?')[0] ?? '';
