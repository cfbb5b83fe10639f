// A Sidecar as the mesh uses it: what some of a namespace's workloads see of the mesh, and which
// ports they serve.
import { canonicalIp } from '#base/ip.ts';
import type { KubeObject } from '#kube/objects.ts';
import { unusedFields } from '../acted-on.ts';
import type { ActedOn } from '../acted-on.ts';
import { entryProtocol } from '../core/protocol.ts';
import type { Protocol } from '../core/protocol.ts';
import { connectionPoolOf } from '../destinationrule/traffic-policy.ts';
import type { ConnectionPool } from '../destinationrule/traffic-policy.ts';
import { TERMINATION_FIELDS, terminationOf } from '../gateway/server-tls.ts';
import type { TlsTermination } from '../gateway/server-tls.ts';
import { parseObject } from '../kind.ts';
import type { ParsedMeta, ParseResult, Violation } from '../object.ts';
import { UNIX } from '../workloadentry/schema.ts';
import { checkSidecar } from './check.ts';
import { explicitListenerOf, remarksOnListeners } from './explicit-listener.ts';
import type { ExplicitListener } from './explicit-listener.ts';
import { sidecarKind } from './schema.ts';
import type { EgressListener, IngressListener } from './schema.ts';

/** Services by namespace and host. */
export type EgressHost = {
  /** `*`, `.` (the client's own), `~` (nobody's), `~ns` (all but that one), or a namespace. */
  readonly namespace: string;
  /** `*`, a wildcard, or a host; in lower case. */
  readonly host: string;
};

export type Egress = {
  /** Of the services: undefined for all of their ports. */
  readonly port: number | undefined;
  readonly hosts: readonly EgressHost[];
  /** Do connections come by capture? */
  readonly isCaptured: boolean;
  /** Where the workload dials the proxy itself instead. */
  readonly listener: ExplicitListener | undefined;
};

/** A port that the workload serves. */
export type Ingress = {
  readonly port: number;
  /** Do connections come by capture? Else the proxy listens on the port itself. */
  readonly isCaptured: boolean;
  /** Where it listens then; empty for the workload's own address. */
  readonly bind: string;
  readonly name: string;
  readonly protocol: Protocol;
  readonly deliverTo: Delivery;
  /** TLS of the workload's own, where mesh TLS is off; undefined: none. */
  readonly termination: TlsTermination | undefined;
  readonly connectionPool: ConnectionPool | undefined;
};

export type Delivery =
  /** Where the connection was going. */
  | { readonly kind: 'as-dialled' }
  /** The workload's own address. */
  | { readonly kind: 'own-address'; readonly port: number }
  | { readonly kind: 'address'; readonly address: string; readonly port: number }
  /** `unix:///path` or `unix://@name`. */
  | { readonly kind: 'socket'; readonly address: string };

export type Sidecar = ParsedMeta & {
  /** Labels of the workloads that it is for; undefined for all that no other one is for. */
  readonly selector: Readonly<Record<string, string>> | undefined;
  /** undefined: everything that is exported to the workloads. */
  readonly egress: readonly Egress[] | undefined;
  /** undefined: the ports that services declare. */
  readonly ingress: readonly Ingress[] | undefined;
  /** Of every port that does not say; undefined for no limits. */
  readonly inboundConnectionPool: ConnectionPool | undefined;
  /** undefined: the mesh's. */
  readonly outboundTrafficPolicy: 'ALLOW_ANY' | 'REGISTRY_ONLY' | undefined;
  readonly remarks: readonly Violation[];
};

const PORT: ActedOn = { number: true, protocol: true, name: true };
const ACTED_ON: ActedOn = {
  workloadSelector: true,
  egress: { hosts: true, port: PORT, bind: true, captureMode: true },
  ingress: {
    port: PORT,
    bind: true,
    captureMode: true,
    defaultEndpoint: true,
    connectionPool: true,
    tls: TERMINATION_FIELDS,
  },
  inboundConnectionPool: true,
  outboundTrafficPolicy: { mode: true },
};

export function parseSidecar(object: KubeObject): ParseResult<Sidecar> {
  return parseObject(sidecarKind, object, (spec, meta, at) => {
    checkSidecar(spec, at);
    const { workloadSelector, egress = [], ingress = [] } = spec;
    const labels = workloadSelector?.labels ?? {};
    return {
      ...meta,
      selector: Object.keys(labels).length > 0 ? labels : undefined,
      egress: egress.length > 0 ? egress.map(egressOf) : undefined,
      ingress: ingress.length > 0 ? ingress.map(ingressOf) : undefined,
      inboundConnectionPool: connectionPoolOf(spec.inboundConnectionPool),
      // protobuf's zero value is REGISTRY_ONLY
      outboundTrafficPolicy:
        spec.outboundTrafficPolicy && (spec.outboundTrafficPolicy.mode ?? 'REGISTRY_ONLY'),
      remarks: [...unusedFields(spec, ACTED_ON), ...remarksOnListeners(spec)],
    };
  });
}

function egressOf(egress: EgressListener): Egress {
  const { port, hosts, captureMode } = egress;
  return {
    port: port?.number,
    isCaptured: captureMode !== 'NONE',
    listener: explicitListenerOf(egress),
    hosts: hosts.map((text) => {
      const [namespace = '', host = ''] = text.split('/');
      return { namespace, host: host.toLowerCase().replace(/\.$/, '') };
    }),
  };
}

function ingressOf(listener: IngressListener): Ingress {
  const { port, defaultEndpoint, connectionPool, tls, bind = '', captureMode } = listener;
  const { number = 0, name = '', protocol = '' } = port;
  return {
    port: number,
    isCaptured: captureMode !== 'NONE',
    bind: canonicalIp(bind) ?? '',
    name,
    protocol: entryProtocol({ number, name, protocol }),
    deliverTo: deliveryOf(defaultEndpoint ?? ''),
    termination: tls && terminationOf(tls),
    connectionPool: connectionPoolOf(connectionPool),
  };
}

function deliveryOf(text: string): Delivery {
  if (text === '') return { kind: 'as-dialled' };
  if (text.startsWith(UNIX)) return { kind: 'socket', address: text };
  const [, address = '', portText = ''] = /^\[?([^\]]*?)\]?:(\d+)$/.exec(text) ?? [];
  const port = Number(portText);
  const isAny = address === '0.0.0.0' || address === '::';
  return isAny ? { kind: 'own-address', port } : { kind: 'address', address, port };
}
