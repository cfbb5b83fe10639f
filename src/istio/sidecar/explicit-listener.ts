// Listeners that a workload, or whoever calls it, dials by their own address and port: captureMode
// NONE, for places where nothing can be captured.
import { canonicalIp } from '#base/ip.ts';
import { NOT_ACTED_ON } from '../acted-on.ts';
import { entryProtocol } from '../core/protocol.ts';
import type { Protocol } from '../core/protocol.ts';
import type { Violation } from '../object.ts';
import type { EgressListener, IngressListener, SidecarSpec } from './schema.ts';

export type ExplicitListener = {
  /** An IP address of the machine. */
  readonly address: string;
  readonly port: number;
  readonly protocol: Protocol;
};

/** Where nothing else is said (Istio's choice): nobody but the machine's own programs may dial. */
const LOCALHOST = '127.0.0.1';

const DELIVERS_TO_ITSELF =
  'no listener: it needs a defaultEndpoint that is not the listener itself';

/** undefined: there is none, or none of the kind that is supported (an IP address and a port). */
export function explicitListenerOf(egress: EgressListener): ExplicitListener | undefined {
  const { port, bind = '', captureMode } = egress;
  if (captureMode !== 'NONE' || port === undefined) return undefined;
  const { number = 0, name = '', protocol = '' } = port;
  const address = bind === '' ? LOCALHOST : canonicalIp(bind);
  if (address === undefined || number === 0) return undefined;
  return { address, port: number, protocol: entryProtocol({ number, name, protocol }) };
}

/** What is said of listeners, and not done. */
export function remarksOnListeners({ egress = [], ingress = [] }: SidecarSpec): Violation[] {
  return [
    ...egress.flatMap((listener, index) => remarksOn(listener, `spec.egress[${index}]`)),
    ...ingress.flatMap((listener, index) => [
      ...remarksOn(listener, `spec.ingress[${index}]`),
      ...(deliversToItself(listener)
        ? [{ field: `spec.ingress[${index}].defaultEndpoint`, message: DELIVERS_TO_ITSELF }]
        : []),
    ]),
  ];
}

/** A captured connection has the address that it was going to: there is nothing to bind. */
function remarksOn(
  { bind = '', captureMode }: Pick<EgressListener, 'bind' | 'captureMode'>,
  field: string,
): Violation[] {
  if (bind === '' || (captureMode === 'NONE' && canonicalIp(bind) !== undefined)) return [];
  return [{ field: `${field}.bind`, message: NOT_ACTED_ON }];
}

/** As far as the object itself tells; what the workload's address is, only the model knows. */
function deliversToItself(listener: IngressListener): boolean {
  const { captureMode, defaultEndpoint = '', bind = '', port } = listener;
  if (captureMode !== 'NONE') return false;
  const { number = 0 } = port;
  return bind !== '' && [`${bind}:${number}`, `[${bind}]:${number}`].includes(defaultEndpoint);
}
