// What becomes of a call that was seen, in one state of the mesh: beside its client, on the way,
// and before its server.
import { spiffeIdOf } from '#base/workload-identity.ts';
import type { MtlsMode } from '#istio/peerauthentication/peer-authentication.ts';
import type { Mesh } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';
import { workloadName } from '#resolve/identity-metadata.ts';
import { takesMeshTls } from '#resolve/mtls-mode.ts';
import { trustDomainsOf } from '#resolve/tls.ts';
import { compile, decide } from './authorize.ts';
import type { CompiledPolicies, Decision } from './authorize.ts';
import type { CallWay } from './call-way.ts';
import type { SeenCall } from './impact.ts';
import type { ClientTls, ReadEndpoint } from './outbound.ts';
import { portPolicies } from './port-policies.ts';
import { identityOf } from './proxy-identity.ts';
import type { CallFacts } from './rbac-truth.ts';
import { tlsMismatch } from './tls-match.ts';
import type { TlsMismatch } from './tls-match.ts';

export type Judgement = {
  readonly verdict: Decision['verdict'] | 'moved';
  /** `ALLOW by default/pg-allow rule 2` */
  readonly reason: string;
  readonly rule: Decision['rule'];
  /** All that it was decided by: equal texts are one and the same decision. */
  readonly rules: string;
  /** What the client's proxy speaks, by its configuration. */
  readonly tls: ClientTls;
  /** Whose tokens requests are asked for; empty of what brings no requests. */
  readonly tokens: string;
};

export type Asked = {
  readonly call: SeenCall;
  /** undefined: the client is no workload of the mesh (any more). */
  readonly client: Workload | undefined;
  /** undefined: the server is outside of the mesh. */
  readonly server: Workload | undefined;
  /** The other instances of what was called. */
  readonly servers: readonly Workload[];
  /** undefined: no proxy beside the client decides, or it decides as it was seen to. */
  readonly way: CallWay | undefined;
  /** What the client spoke in the state under which the call was seen; undefined: this is it. */
  readonly spoken: ClientTls | undefined;
};

/** What policies are to one port of a workload: made once for all calls to it. */
type Compiled = CompiledPolicies & {
  readonly mode: MtlsMode;
  readonly tokens: string;
  readonly all: string;
};

export class Judge {
  readonly #mesh: Mesh;
  readonly #compiled = new Map<string, Compiled>();
  /** Long texts that are equal are one, so that comparing them costs nothing. */
  readonly #texts: Map<string, string>;

  constructor(mesh: Mesh, texts = new Map<string, string>()) {
    this.#mesh = mesh;
    this.#texts = texts;
  }

  /** undefined: the call does not come to this instance, but to others of its workload. */
  of(asked: Asked): Judgement | undefined {
    const { way, server, servers } = asked;
    const text = way === undefined ? '' : way.text;
    const without = { rule: undefined, rules: text, tls: 'plaintext', tokens: '' } as const;
    switch (way?.kind) {
      case 'nowhere':
        return { ...without, verdict: 'refused', reason: `DENY: ${way.reason}` };
      case 'untold':
        return { ...without, verdict: 'unknown', reason: way.reason };
      case 'to-endpoints': {
        if (server === undefined) break;
        const endpoint = endpointOf(way.endpoints, server);
        if (endpoint) return this.#before(server, asked, { endpoint, text });
        if (servers.some((one) => endpointOf(way.endpoints, one))) return undefined;
        const others = this.#namesAt(way.endpoints);
        if (others.length === 0) return this.#before(server, asked, { text });
        return { ...without, verdict: 'moved', reason: `led to ${others.join(', ')} instead` };
      }
      case 'past':
        if (server) return this.#before(server, asked, { tls: 'plaintext', text });
        break;
      default:
        if (server) return this.#before(server, asked, { text });
    }
    return { ...without, verdict: 'allowed', reason: 'let out: its server is outside of the mesh' };
  }

  /** By what stands before the server. */
  #before(
    server: Workload,
    asked: Asked,
    way: { readonly endpoint?: ReadEndpoint; readonly tls?: ClientTls; readonly text: string },
  ): Judgement {
    const { call } = asked;
    const hasProxy = server.tlsMode === 'istio';
    const compiled = hasProxy ? this.#compile(server, call) : undefined;
    const configured = way.endpoint?.tls ?? way.tls ?? usualTls(asked, compiled?.mode);
    const { tls, principal } = this.#spokenBy(asked, configured);
    const rules = `${way.text} ${tls} ${compiled?.all ?? ''}`;
    const without = { rule: undefined, rules, tls: configured ?? tls, tokens: '' } as const;
    const { port } = call;
    const mismatch = tlsMismatch(tls, { mode: compiled?.mode, port });
    // of a call that is only looked back at: what it spoke was taken
    const isFatal = asked.way !== undefined || mismatch === 'not-mutual';
    if (mismatch && isFatal) {
      return { ...without, verdict: 'refused', reason: mismatchText(mismatch, port) };
    }
    if (tls === 'mTLS' && way.endpoint && !this.#isAccepted(server, way.endpoint)) {
      const accepts = way.endpoint.accepts.join(', ');
      const reason = `DENY: the client accepts only ${accepts} there`;
      return { ...without, verdict: 'refused', reason };
    }
    if (tls === 'own TLS') {
      const reason = 'whether the application takes the TLS of the client is not known';
      return { ...without, verdict: 'unknown', reason };
    }
    if (!compiled) {
      const reason = 'no proxy stands before the server: no policy is asked';
      return { ...without, verdict: 'allowed', reason };
    }
    const { verdict, reason, rule } = decide(compiled, factsOf(server, asked, principal));
    return { ...without, verdict, reason, rule, tokens: compiled.tokens };
  }

  /**
   * What comes to the server, and whom it sees. What was seen goes before what is configured: a
   * client that was in plaintext though it might have been otherwise stays so.
   *
   * @param configured undefined: no proxy beside the client decides
   */
  #spokenBy(
    { call, client, spoken }: Asked,
    configured: ClientTls | undefined,
  ): { readonly tls: ClientTls; readonly principal: string | undefined } {
    const seen = seenPrincipal(call);
    const hasProxy = client?.tlsMode === 'istio';
    if (configured === undefined || !hasProxy) {
      return { tls: seen === '' ? 'plaintext' : 'mTLS', principal: seen };
    }
    if (configured !== 'mTLS') return { tls: configured, principal: '' };
    const own = spiffeIdOf(identityOf(this.#mesh, client));
    if (seen !== '') return { tls: 'mTLS', principal: seen ?? own };
    const wasConfigured = spoken === undefined || spoken === 'mTLS';
    return wasConfigured ? { tls: 'plaintext', principal: '' } : { tls: 'mTLS', principal: own };
  }

  #isAccepted({ namespace, serviceAccount }: Workload, { accepts }: ReadEndpoint): boolean {
    if (accepts.length === 0 || serviceAccount === '') return true;
    return trustDomainsOf(this.#mesh.config())
      .map((trustDomain) => spiffeIdOf({ trustDomain, namespace, serviceAccount }))
      .some((name) => accepts.includes(name));
  }

  #compile(server: Workload, { port, protocol }: SeenCall): Compiled {
    const seen = protocol === 'tcp' ? 'tcp' : 'http';
    const key = `${server.key} ${port} ${seen}`;
    const known = this.#compiled.get(key);
    if (known) return known;
    const policies = compile(portPolicies(this.#mesh, server, { port, seen }));
    const mode = this.#mesh.mtlsMode(server, port);
    const rules = this.#mesh.requestAuthentications.jwtRules(server);
    const tokens = seen === 'http' ? JSON.stringify(rules) : '';
    const text = `${mode} ${tokens} ${policies.text}`;
    const all = this.#texts.get(text) ?? text;
    this.#texts.set(text, all);
    const compiled = { ...policies, mode, tokens, all };
    this.#compiled.set(key, compiled);
    return compiled;
  }

  /** Who else of the mesh is there, as `default/reviews-v2`; nobody of a gateway's address. */
  #namesAt(endpoints: readonly ReadEndpoint[]): readonly string[] {
    const there = endpoints.flatMap(({ address }) => this.#mesh.workloadsAt(address));
    const names = there.map((one) => `${one.namespace}/${workloadName(one)}`);
    return [...new Set(names)].toSorted().slice(0, NAMES_MAX);
  }
}

/** What a client with a sidecar speaks that nobody told otherwise; undefined: as it was seen. */
function usualTls({ client, call }: Asked, mode: MtlsMode | undefined): ClientTls | undefined {
  if (client?.tlsMode !== 'istio' || mode === undefined) return undefined;
  return takesMeshTls(mode, call.port) ? 'mTLS' : 'plaintext';
}

const NAMES_MAX = 3;

const endpointOf = (
  endpoints: readonly ReadEndpoint[],
  { addresses }: Workload,
): ReadEndpoint | undefined => endpoints.find(({ address }) => addresses.includes(address));

function mismatchText(mismatch: TlsMismatch, port: number): string {
  switch (mismatch) {
    case 'not-mutual':
      return 'DENY: the server takes mutual TLS only (STRICT)';
    case 'no-proxy':
      return 'DENY: the client speaks mesh TLS, and the server has no proxy that would take it';
    case 'switched-off':
      return 'DENY: the client speaks mesh TLS, and the server does not take it (DISABLE)';
    default:
      return `DENY: the client speaks mesh TLS, and on port ${port} Envoy does not look for it`;
  }
}

/** Neither end's identity: it was plaintext. The server's alone: the client's was not recorded. */
function seenPrincipal({ clientIdentity, serverIdentity }: SeenCall): string | undefined {
  if (clientIdentity !== '') return clientIdentity;
  return serverIdentity === '' ? '' : undefined;
}

function factsOf(
  server: Workload,
  { client, call }: Asked,
  principal: string | undefined,
): CallFacts {
  const address = /^ip:(.+)$/.exec(call.from)?.[1];
  return {
    principal,
    sourceAddress: client?.addresses[0] ?? address,
    destinationAddress: server.addresses[0],
    destinationPort: call.port,
    // which name a client called it by is not recorded
    sni: principal === '' ? '' : undefined,
  };
}
