// Cluster IPs and node ports of Services: who has which, and giving them out.
import { parseCidr, parseIp, renderIp } from '#base/ip.ts';
import { NumberAllocator } from '../net/allocator.ts';
import type { Random } from '../net/allocator.ts';
import { isJsonObject, listAt, numberAt, objectAt, objectsAt, stringAt } from '../object.ts';
import type { Draft, JsonObject, KubeObject } from '../object.ts';
import type { Violation } from '../violation.ts';
import { invalid } from '../violation.ts';

/** Kubernetes' default range for node ports. */
const NODE_PORT_FIRST = 30_000;
const NODE_PORT_COUNT = 2_768;
/** The low end of the range is kept for addresses that users choose: as Kubernetes, at most 256. */
const CHOSEN_FIRST_MIN = 16;
const CHOSEN_FIRST_MAX = 256;

export class ServiceAddresses {
  readonly #cidr: string;
  readonly #dynamicFirst: number;
  readonly #ips: NumberAllocator;
  readonly #nodePorts: NumberAllocator;

  /** @param options.cidr an IPv4 range, checked before: see config.ts */
  constructor({ cidr, random }: { readonly cidr: string; readonly random: Random }) {
    const range = parseCidr(cidr);
    if (!range) throw new Error(`${cidr} is not a range`);
    const first = Number(range.first);
    const size = Number(range.last) - first + 1;
    this.#cidr = cidr;
    const chosen = Math.max(Math.floor(size / 16), CHOSEN_FIRST_MIN);
    const isSmall = size <= CHOSEN_FIRST_MIN;
    this.#dynamicFirst = first + (isSmall ? 1 : Math.min(chosen, CHOSEN_FIRST_MAX));
    // Neither the network's own nor the broadcast address is given out.
    this.#ips = new NumberAllocator({ first: first + 1, size: size - 2, random });
    this.#nodePorts = new NumberAllocator({
      first: NODE_PORT_FIRST,
      size: NODE_PORT_COUNT,
      random,
    });
  }

  /** Follows the stored Services: called for each at the start and for each change. */
  observe(next: KubeObject | undefined, previous: KubeObject | undefined): void {
    if (previous) {
      for (const ip of ipsOf(previous)) this.#ips.release(ip, nameOf(previous));
      for (const port of nodePortsOf(previous)) this.#nodePorts.release(port, nameOf(previous));
    }
    if (next) {
      for (const ip of ipsOf(next)) this.#ips.hold(ip, nameOf(next));
      for (const port of nodePortsOf(next)) this.#nodePorts.hold(port, nameOf(next));
    }
  }

  /** Gives the draft what it lacks, and checks what it asks for. */
  allocate(draft: Draft): readonly Violation[] {
    const violations = this.#allocateIp(draft);
    return [...violations, ...this.#allocateNodePorts(draft)];
  }

  #allocateIp(draft: Draft): readonly Violation[] {
    const spec = objectAt(draft, 'spec');
    if (stringAt(spec, 'type') === 'ExternalName') return [];
    const asked = stringAt(spec, 'clusterIP');
    if (asked !== '' && asked !== 'None') return this.#checkIp(asked, nameOf(draft));
    const ip = asked === 'None' ? asked : this.#drawIp();
    if (ip === undefined) {
      const why = `failed to allocate a serviceIP: range ${this.#cidr} is full`;
      return [invalid('spec.clusterIPs', [], why)];
    }
    draft['spec'] = { ...spec, clusterIP: ip, clusterIPs: [ip] };
    return [];
  }

  #drawIp(): string | undefined {
    const dynamic = this.#ips.draw((ip) => ip < this.#dynamicFirst);
    const ip = dynamic ?? this.#ips.draw();
    return ip === undefined ? undefined : renderIp({ version: 4, value: BigInt(ip) });
  }

  #checkIp(text: string, holder: string): readonly Violation[] {
    const ip = parseIpv4(text);
    if (ip === undefined) return []; // judged by validation
    const field = 'spec.clusterIPs';
    if (!this.#ips.contains(ip)) {
      const why = `failed to allocate IP ${text}: the provided IP (${text}) is not in the valid range. The range of valid IPs is ${this.#cidr}`;
      return [invalid(field, [text], why)];
    }
    const other = this.#ips.holderOf(ip);
    if (other === undefined || other === holder) return [];
    const why = `failed to allocate IP ${text}: provided IP is already allocated`;
    return [invalid(field, [text], `${why} to Service ${other}`)];
  }

  #allocateNodePorts(draft: Draft): readonly Violation[] {
    const spec = objectAt(draft, 'spec');
    const ports = objectsAt(spec, 'ports');
    if (!usesNodePorts(spec) || ports.length === 0) return [];
    const taken = new Set(ports.map((port) => numberAt(port, 'nodePort')));
    const violations: Violation[] = [];
    const allocated = ports.map((port, index): JsonObject => {
      const field = `spec.ports[${index}].nodePort`;
      const asked = numberAt(port, 'nodePort') ?? 0;
      if (asked !== 0) {
        violations.push(...this.#checkNodePort(asked, field, nameOf(draft)));
        return port;
      }
      const nodePort = this.#nodePorts.draw((number) => taken.has(number));
      if (nodePort === undefined) violations.push(invalid(field, 0, 'range is full'));
      taken.add(nodePort);
      return { ...port, nodePort };
    });
    draft['spec'] = { ...spec, ports: allocated };
    return violations;
  }

  #checkNodePort(port: number, field: string, holder: string): readonly Violation[] {
    if (!this.#nodePorts.contains(port)) {
      const last = NODE_PORT_FIRST + NODE_PORT_COUNT - 1;
      const why = `provided port is not in the valid range. The range of valid ports is ${NODE_PORT_FIRST}-${last}`;
      return [invalid(field, port, why)];
    }
    const other = this.#nodePorts.holderOf(port);
    if (other === undefined || other === holder) return [];
    return [invalid(field, port, 'provided port is already allocated')];
  }
}

function usesNodePorts(spec: JsonObject): boolean {
  const type = stringAt(spec, 'type');
  if (type === 'LoadBalancer') return spec['allocateLoadBalancerNodePorts'] !== false;
  return type === 'NodePort';
}

function nameOf({ metadata }: KubeObject | Draft): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

/** @returns undefined for `None` and whatever else is no IPv4 address */
function parseIpv4(text: string): number | undefined {
  const ip = parseIp(text);
  return ip?.version === 4 ? Number(ip.value) : undefined;
}

function ipsOf(service: KubeObject): number[] {
  return listAt(objectAt(service, 'spec'), 'clusterIPs').flatMap((text) => {
    const ip = typeof text === 'string' ? parseIpv4(text) : undefined;
    return ip === undefined ? [] : [ip];
  });
}

function nodePortsOf(service: KubeObject): number[] {
  return listAt(objectAt(service, 'spec'), 'ports').flatMap((port) => {
    const nodePort = isJsonObject(port) ? numberAt(port, 'nodePort') : undefined;
    return nodePort === undefined ? [] : [nodePort];
  });
}
