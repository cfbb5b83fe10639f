// A Gateway as the mesh uses it: which servers the workloads that it selects are to be.
import type { KubeObject } from '#kube/objects.ts';
import { NOT_ACTED_ON, unusedFields } from '../acted-on.ts';
import type { ActedOn } from '../acted-on.ts';
import { isHttp, protocolOf } from '../core/protocol.ts';
import { parseObject } from '../kind.ts';
import type { ParsedMeta, ParseResult, Violation } from '../object.ts';
import { checkGateway } from './check.ts';
import { gatewayKind } from './schema.ts';
import type { GatewaySpec, ServerSpec } from './schema.ts';

/** `*` stands for the VirtualServices of every namespace. */
export type ServerHost = { readonly namespace: string; readonly host: string };

/**
 * - `http`: requests in plaintext, told apart by their host.
 * - `passthrough`: TLS of somebody else's, told apart by the name that the client asks for (SNI).
 * - `tcp`: connections without anything to tell them apart by.
 * - `unsupported`: TLS that would have to be ended here, which nothing acts on yet.
 */
export type ServerKind = 'http' | 'passthrough' | 'tcp' | 'unsupported';

export type GatewayServer = {
  readonly kind: ServerKind;
  /** As clients know it: the port of the gateway's Service. */
  readonly port: number;
  /** Empty: every address. */
  readonly bind: string;
  readonly hosts: readonly ServerHost[];
  /** Requests in plaintext are sent to HTTPS. */
  readonly redirectsToHttps: boolean;
};

export type Gateway = ParsedMeta & {
  /** Labels of the gateway workloads, of any namespace, that are to be these servers. */
  readonly selector: Readonly<Record<string, string>>;
  /** Instead of the selector: hosts of services of its namespace whose workloads are to be. */
  readonly services: readonly string[] | undefined;
  readonly servers: readonly GatewayServer[];
  readonly remarks: readonly Violation[];
};

/** How what Istio makes of the Gateway API names its gateways. */
const SERVICES = 'internal.istio.io/gateway-service';

const ACTED_ON: ActedOn = {
  selector: true,
  servers: {
    port: { number: true, protocol: true, name: true },
    bind: true,
    hosts: true,
    name: true,
    tls: { mode: true, httpsRedirect: true },
  },
};

export function parseGateway(object: KubeObject): ParseResult<Gateway> {
  return parseObject(gatewayKind, object, (spec, meta, at) => {
    checkGateway(spec, at);
    return {
      ...meta,
      selector: spec.selector ?? {},
      services: meta.annotations[SERVICES]?.split(',').map((host) => host.trim()),
      servers: (spec.servers ?? []).map((server) => serverOf(server, meta.namespace)),
      remarks: remarksOf(spec),
    };
  });
}

function serverOf(server: ServerSpec, namespace: string): GatewayServer {
  return {
    kind: kindOf(server),
    port: server.port.number,
    bind: server.bind ?? '',
    hosts: server.hosts.map((text) => hostOf(text, namespace)),
    redirectsToHttps: server.tls?.httpsRedirect === true,
  };
}

function kindOf({ port, tls, bind = '' }: ServerSpec): ServerKind {
  const protocol = protocolOf(port.protocol);
  if (protocol === undefined || bind.startsWith('unix://')) return 'unsupported';
  if (isHttp(protocol)) return 'http';
  if (tls === undefined) return 'tcp';
  return (tls.mode ?? 'PASSTHROUGH') === 'PASSTHROUGH' ? 'passthrough' : 'unsupported';
}

function hostOf(text: string, namespace: string): ServerHost {
  const lower = text.toLowerCase();
  const slash = lower.indexOf('/');
  if (slash === -1) return { namespace: '*', host: lower };
  const of = lower.slice(0, slash);
  return { namespace: of === '.' ? namespace : of, host: lower.slice(slash + 1) };
}

function remarksOf(spec: GatewaySpec): readonly Violation[] {
  const servers = (spec.servers ?? []).flatMap((server, index) => {
    if (kindOf(server) !== 'unsupported') return [];
    const { mode = '' } = server.tls ?? {};
    const what = mode === '' ? 'a server on a unix socket' : `TLS mode ${mode}`;
    return [{ field: `spec.servers[${index}]`, message: `${what} is ${NOT_ACTED_ON}: no server` }];
  });
  const isOfNoServer = ({ field }: Violation): boolean =>
    servers.some((server) => field.startsWith(`${server.field}.`));
  return [...servers, ...unusedFields(spec, ACTED_ON).filter((remark) => !isOfNoServer(remark))];
}
