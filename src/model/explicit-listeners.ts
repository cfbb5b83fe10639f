// What a Sidecar makes of a workload's listeners where captureMode is NONE: the proxy listens where
// it is told to, and whoever wants to use it dials it there.
import type { Delivery, Egress, Ingress, Sidecar } from '#istio/sidecar/sidecar.ts';
import type { ExplicitListener } from '#istio/sidecar/explicit-listener.ts';
import { deliveryAddressOf } from './workload.ts';
import type { Workload } from './workload.ts';

/** What of a workload decides about its listeners. */
export type Listening = Pick<Workload, 'kind' | 'namespace' | 'labels' | 'addresses'>;

export type ExplicitListeners = {
  /** Does anything come by capture on its way out? */
  readonly capturesOutbound: boolean;
  /** On its way in? */
  readonly capturesInbound: boolean;
  readonly outbound: readonly ExplicitEgress[];
  readonly inbound: readonly ExplicitAddress[];
};

export type ExplicitAddress = { readonly address: string; readonly port: number };
export type ExplicitEgress = Egress & { readonly listener: ExplicitListener };

const ALL_CAPTURED: ExplicitListeners = {
  capturesOutbound: true,
  capturesInbound: true,
  outbound: [],
  inbound: [],
};

/** Where a workload has no address yet. */
const ANY_ADDRESS = '0.0.0.0';

/**
 * A Sidecar that says NONE wherever it says anything is for a place where nothing is captured at
 * all; where only a direction says so throughout, nothing comes by capture in that direction.
 */
export function explicitListenersOf(
  sidecar: Pick<Sidecar, 'egress' | 'ingress'> | undefined,
  workload: Listening,
): ExplicitListeners {
  if (sidecar === undefined) return ALL_CAPTURED;
  const { egress, ingress } = sidecar;
  const said = [...(egress ?? []), ...(ingress ?? [])];
  const isSomeCaptured = said.length === 0 || said.some(({ isCaptured }) => isCaptured);
  return {
    capturesOutbound: egress?.some(({ isCaptured }) => isCaptured) ?? isSomeCaptured,
    capturesInbound: ingress?.some(({ isCaptured }) => isCaptured) ?? isSomeCaptured,
    outbound: (egress ?? []).flatMap((one) =>
      one.listener ? [{ ...one, listener: one.listener }] : [],
    ),
    inbound: (ingress ?? []).flatMap((one) => addressOf(one, workload)),
  };
}

function addressOf(ingress: Ingress, workload: Listening): readonly ExplicitAddress[] {
  const { port, bind, isCaptured, deliverTo } = ingress;
  if (isCaptured || port === 0) return [];
  const address = bind === '' ? (workload.addresses[0] ?? ANY_ADDRESS) : bind;
  return isOwnListener(deliverTo, { address, port }, workload) ? [] : [{ address, port }];
}

/** A listener that delivers to itself would call itself for ever. */
function isOwnListener(
  delivery: Delivery,
  { address, port }: ExplicitAddress,
  workload: Listening,
): boolean {
  if (delivery.kind === 'socket') return false;
  const to = deliveredTo(delivery, port, workload);
  return to.port === port && (to.address === address || isAny(address) || isAny(to.address));
}

function deliveredTo(
  delivery: Exclude<Delivery, { kind: 'socket' }>,
  port: number,
  workload: Listening,
): ExplicitAddress {
  if (delivery.kind === 'address') return delivery;
  if (delivery.kind === 'as-dialled') return { address: deliveryAddressOf(workload), port };
  return { address: workload.addresses[0] ?? ANY_ADDRESS, port: delivery.port };
}

const isAny = (address: string): boolean => address === ANY_ADDRESS || address === '::';
