// A Gateway as the mesh uses it: which servers the workloads that it selects are to be.
import type { KubeObject } from '#kube/objects.ts';
import { NOT_ACTED_ON, unusedFields } from '../acted-on.ts';
import type { ActedOn } from '../acted-on.ts';
import { isHttp, protocolOf } from '../core/protocol.ts';
import { parseObject } from '../kind.ts';
import type { ParsedMeta, ParseResult, Violation } from '../object.ts';
import { isDnsLabel } from '../syntax.ts';
import { checkGateway } from './check.ts';
import { gatewayKind } from './schema.ts';
import type { GatewaySpec, ServerSpec } from './schema.ts';
import { TERMINATION_FIELDS, terminationOf } from './server-tls.ts';
import type { TlsTermination } from './server-tls.ts';

/** `*` stands for the VirtualServices of every namespace. */
export type ServerHost = { readonly namespace: string; readonly host: string };

/**
 * - `http`: requests in plaintext, told apart by their host.
 * - `https`, `tls`: TLS that ends here, told apart by the name that the client asks for (SNI);
 *   requests, or whatever else is in it.
 * - `passthrough`: TLS of somebody else's, told apart by that name, too.
 * - `auto-passthrough`: mesh TLS, handed on by the name that says a service and its port.
 * - `tcp`: connections without anything to tell them apart by.
 * - `unsupported`: what nothing acts on yet.
 */
export type ServerKind =
  | 'http'
  | 'https'
  | 'tls'
  | 'passthrough'
  | 'auto-passthrough'
  | 'tcp'
  | 'unsupported';

export type GatewayServer = {
  readonly kind: ServerKind;
  /** As clients know it: the port of the gateway's Service. */
  readonly port: number;
  readonly portName: string;
  /** Of kinds `https` and `tls`. */
  readonly termination: TlsTermination | undefined;
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
const SEMANTICS = 'internal.istio.io/gateway-semantics';

const ACTED_ON: ActedOn = {
  selector: true,
  servers: {
    port: { number: true, protocol: true, name: true },
    bind: true,
    hosts: true,
    name: true,
    tls: { ...TERMINATION_FIELDS, httpsRedirect: true },
  },
};

export function parseGateway(object: KubeObject): ParseResult<Gateway> {
  return parseObject(gatewayKind, object, (spec, meta, at) => {
    checkGateway(spec, at);
    const isMade = meta.annotations[SEMANTICS] === 'gateway';
    if (!isDnsLabel(meta.name) && !isMade) {
      const name = at.sibling('metadata').property('name');
      name.refuse(`Invalid value: ${at.quote(meta.name)}: must be a DNS label, without dots`);
    }
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
    portName: server.port.name,
    termination: server.tls && terminationOf(server.tls),
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
  if ((tls.mode ?? 'PASSTHROUGH') === 'PASSTHROUGH') return 'passthrough';
  if (tls.mode === 'AUTO_PASSTHROUGH') return 'auto-passthrough';
  if (terminationOf(tls) === undefined) return 'unsupported';
  return protocol === 'https' ? 'https' : 'tls';
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
    const what =
      mode === '' ? 'a server on a unix socket' : `TLS of ${mode} with such a certificate`;
    return [{ field: `spec.servers[${index}]`, message: `${what} is ${NOT_ACTED_ON}: no server` }];
  });
  const isOfNoServer = ({ field }: Violation): boolean =>
    servers.some((server) => field.startsWith(`${server.field}.`));
  return [...servers, ...unusedFields(spec, ACTED_ON).filter((remark) => !isOfNoServer(remark))];
}
