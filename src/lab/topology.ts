// What the lab's world looks like, as data: regions of hosts, a router between them, and what its
// firewall lets through. From it follows, purely, every address, route and rule of the lab.

/** A pod, a VM or another machine: one network namespace with one address. */
export type HostSpec = { readonly name: string; readonly address: string };

export type RegionSpec = {
  /** Also the name of the router's link to it: at most 15 characters (IFNAMSIZ). */
  readonly name: string;
  readonly cidr: string;
  readonly hosts: readonly HostSpec[];
};

export type Topology = {
  readonly regions: readonly RegionSpec[];
  /** Where the lab's own programs stand: the sandbox's first namespace, linked to this region. */
  readonly workstation: { readonly region: string; readonly address: string };
};

/** Namespace of the router between the regions. */
export const WORLD = 'world';
/** Every host's first hop. Link-local, the same everywhere: only the host's own link carries it. */
const GATEWAY = '169.254.1.1';
const INTERFACE_NAME_LENGTH_MAX = 15;
/** Each region's link to the world takes a /30 of 169.254.2.0/24. */
const REGIONS_MAX = 64;

/** One thing to hand to one program, in order; steps of different namespaces do not disturb each other. */
export type NetworkStep =
  | { readonly kind: 'ip'; readonly netns?: string; readonly lines: readonly string[] }
  | { readonly kind: 'forward'; readonly netns: string };

export type NetworkPlan = {
  /** Namespaces and the links between them; must be there before anything else. */
  readonly links: readonly string[];
  readonly steps: readonly NetworkStep[];
};

export const regionNetns = (region: string): string => `region-${region}`;

/**
 * Plans the network: each host hangs on its region's router by a link of its own (as in a cloud's
 * virtual network: /32 addresses, no shared segment, so no bridge module is needed), and each
 * region's router on the world's.
 */
export function planNetwork(topology: Topology): NetworkPlan {
  assertTopology(topology);
  const links: string[] = [`netns add ${WORLD}`];
  const steps: NetworkStep[] = [];
  const world: string[] = ['link set lo up'];
  topology.regions.forEach((region, regionIndex) => {
    const netns = regionNetns(region.name);
    const here = `169.254.2.${regionIndex * 4 + 1}`;
    const there = `169.254.2.${regionIndex * 4 + 2}`;
    links.push(
      `netns add ${netns}`,
      `link add ${region.name} netns ${WORLD} type veth peer name ${WORLD} netns ${netns}`,
    );
    world.push(
      `addr add ${here}/30 dev ${region.name}`,
      `link set ${region.name} up`,
      `route add ${region.cidr} via ${there}`,
    );
    const uplink = [
      'link set lo up',
      `addr add ${there}/30 dev ${WORLD}`,
      `link set ${WORLD} up`,
      `route add default via ${here}`,
    ];
    const hosts = hostsOf(topology, region);
    const downlinks = hosts.flatMap(({ address }, index) => planDownlink(`host${index}`, address));
    hosts.forEach((host, index) => {
      const own = host.netns ? ` netns ${host.netns}` : '';
      if (host.netns) links.push(`netns add ${host.netns}`);
      links.push(`link add eth0${own} type veth peer name host${index} netns ${netns}`);
      const lines = planHost(host.address);
      steps.push({ kind: 'ip', ...(host.netns && { netns: host.netns }), lines });
    });
    steps.push({ kind: 'ip', netns, lines: [...uplink, ...downlinks] });
    steps.push({ kind: 'forward', netns });
  });
  steps.push({ kind: 'ip', netns: WORLD, lines: world }, { kind: 'forward', netns: WORLD });
  return { links, steps };
}

type PlannedHost = { readonly netns: string | undefined; readonly address: string };

/** The region's hosts, and the workstation, which has no namespace of its own. */
function hostsOf({ workstation }: Topology, region: RegionSpec): PlannedHost[] {
  const hosts: PlannedHost[] = region.hosts.map(({ name, address }) => ({ netns: name, address }));
  if (workstation.region !== region.name) return hosts;
  return [...hosts, { netns: undefined, address: workstation.address }];
}

function planHost(address: string): string[] {
  return [
    'link set lo up',
    `addr add ${address}/32 dev eth0`,
    'link set eth0 up',
    `route add ${GATEWAY} dev eth0 scope link`,
    `route add default via ${GATEWAY} dev eth0 src ${address}`,
  ];
}

function planDownlink(link: string, address: string): string[] {
  return [
    `addr add ${GATEWAY}/32 dev ${link}`,
    `link set ${link} up`,
    `route add ${address} dev ${link} scope link`,
  ];
}

function assertTopology({ regions, workstation }: Topology): void {
  if (regions.length > REGIONS_MAX) throw new Error(`more than ${REGIONS_MAX} regions`);
  const names = regions.flatMap(({ name, hosts }) => [
    regionNetns(name),
    ...hosts.map((host) => host.name),
  ]);
  const seen = new Set<string>([WORLD]);
  for (const name of names) {
    if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) throw new Error(`not a name for a host: ${name}`);
    if (seen.has(name)) throw new Error(`two hosts or regions are called ${name}`);
    seen.add(name);
  }
  for (const { name } of regions) {
    if (name.length > INTERFACE_NAME_LENGTH_MAX) throw new Error(`region name too long: ${name}`);
  }
  if (!regions.some(({ name }) => name === workstation.region)) {
    throw new Error(`the workstation's region ${workstation.region} does not exist`);
  }
}
