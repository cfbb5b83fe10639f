// The agent's DNS proxy in its place: it listens, knows the machine's resolvers and search domains,
// and follows resolv.conf as DHCP and the like rewrite it.
import { readFile } from 'node:fs/promises';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { NameSource } from '#dns/name-table.ts';
import { parseResolvConf, type Upstream } from '#dns/resolv-conf.ts';
import type { DnsCounts } from '#dns/resolver.ts';
import { startDnsServer, type DnsServer, type DnsServerOptions } from '#dns/server.ts';
import { isWithin, type ZoneConfig } from '#dns/zone.ts';
import type { AgentConfig, DnsConfig } from './config.ts';

/** How long a program waits at most before a name that nobody knows yet is asked for elsewhere. */
const LEARN_MS = 500;
/** How soon a changed resolv.conf counts. */
const LOOK_INTERVAL_MS = 5_000;
/** resolv.conf(5): who is asked when no server is named. */
const LOCAL: Upstream = { address: '127.0.0.1', port: 53 };

export type DnsOptions = {
  readonly config: Pick<AgentConfig, 'node'> & { readonly dns: DnsConfig };
  readonly names: NameSource;
  /** Told the addresses of the machine's resolvers, where programs send their queries. */
  readonly onServers: (addresses: readonly string[]) => void;
  readonly clock: Clock;
  readonly log: Logger;
};

/** What one resolv.conf means here. Pure. */
export function planDns(
  resolvConf: string,
  { node, dns }: DnsOptions['config'],
): { readonly zone: ZoneConfig; readonly upstreams: readonly Upstream[] } {
  const { upstreams, search } = parseResolvConf(resolvConf);
  const { clusterDomain } = dns;
  // whoever has the cluster's search domains has the cluster's own DNS server, which knows more
  const hasClusterDns = upstreams.length > 0 && search.some((it) => isWithin(it, clusterDomain));
  const authoritative = dns.authoritative ?? (hasClusterDns ? [] : [clusterDomain]);
  return {
    zone: { namespace: node.namespace, clusterDomain, search, authoritative },
    upstreams: upstreams.length > 0 ? upstreams : [LOCAL],
  };
}

/** Knows no name of the mesh: all is asked elsewhere. */
const NO_NAMES: NameSource = {
  held: () => ({ kind: 'absent' }),
  learn: async () => ({ kind: 'absent' }),
};

export class DnsProxy implements AsyncDisposable {
  readonly #options: DnsOptions;
  #text = '';
  /** The first answers programs; the other one Envoy, which is to find what is outside. */
  readonly #servers: DnsServer[] = [];

  private constructor(options: DnsOptions) {
    this.#options = options;
  }

  /** @throws OperatorError ADDRESS_IN_USE */
  static async listen(options: DnsOptions): Promise<DnsProxy> {
    const proxy = new DnsProxy(options);
    try {
      await proxy.#listen();
    } catch (error) {
      await proxy[Symbol.asyncDispose]();
      throw error;
    }
    return proxy;
  }

  get counts(): DnsCounts | undefined {
    return this.#servers[0]?.counts;
  }

  /** Follows resolv.conf until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, config, log } = this.#options;
    for (;;) {
      await clock.sleep(LOOK_INTERVAL_MS, signal);
      const text = await this.#read();
      if (text === this.#text) continue;
      this.#text = text;
      const plan = planDns(text, config);
      log.info('resolv.conf changed', {
        servers: plan.upstreams.map(({ address }) => address).join(' '),
      });
      const [first, second] = this.#servers;
      first?.update(plan);
      second?.update({ ...plan, zone: outsideZone(plan.zone) });
      this.#announce(plan.upstreams);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#servers.map((server) => server[Symbol.asyncDispose]()));
  }

  async #listen(): Promise<void> {
    const { names, config, clock, log } = this.#options;
    const { port, outsidePort, sourcePorts } = config.dns;
    this.#text = await this.#read();
    const { zone, upstreams } = planDns(this.#text, config);
    const common = { upstreams, clock, log, sourcePorts, limits: { learnMs: LEARN_MS } };
    const serve = async (options: Pick<DnsServerOptions, 'listen' | 'names' | 'zone'>) =>
      void this.#servers.push(await startDnsServer({ ...common, ...options }));
    const listen = [
      { address: '127.0.0.1', port },
      { address: '::1', port },
    ];
    await serve({ listen, names, zone });
    const outside = [{ address: '127.0.0.1', port: outsidePort }];
    await serve({ listen: outside, names: NO_NAMES, zone: outsideZone(zone) });
    this.#announce(upstreams);
  }

  #announce(upstreams: readonly Upstream[]): void {
    // a zone (fe80::1%eth0) says which link; the address is what is matched
    this.#options.onServers(upstreams.map(({ address }) => address.split('%')[0] ?? address));
  }

  async #read(): Promise<string> {
    try {
      return await readFile(this.#options.config.dns.resolvConfFile, 'utf8');
    } catch {
      return this.#text; // being replaced, or there is none: the defaults are the local server
    }
  }
}

const outsideZone = (zone: ZoneConfig): ZoneConfig => ({ ...zone, authoritative: [] });
