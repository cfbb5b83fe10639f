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
  /** The region on whose link to the world the capture point stands. */
  readonly tapped: string;
};

/** Namespace of the router between the regions. */
export const WORLD = 'world';
/** Namespace of the capture point: made by whoever listens in it, before the rest. */
export const TAP = 'tap';
/** Every host's first hop. Link-local, the same everywhere: only the host's own link carries it. */
const GATEWAY = '169.254.1.1';
const INTERFACE_NAME_LENGTH_MAX = 15;
/** Each region's link takes a /30 of 169.254.2.0/24, the one behind the tap of 169.254.3.0/24. */
const REGIONS_MAX = 64;

/** One thing to hand to one program. Only steps of the same namespace depend on their order. */
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
  const parts = topology.regions.flatMap((region, index) => [
    planUplink(region, { index, isTapped: region.name === topology.tapped }),
    planRegion(topology, region),
  ]);
  const routers = [WORLD, TAP, ...topology.regions.map(({ name }) => regionNetns(name))];
  return {
    links: [`netns add ${WORLD}`, ...parts.flatMap(({ links }) => links)],
    steps: [
      ...routers.map((netns): NetworkStep => ({ kind: 'ip', netns, lines: ['link set lo up'] })),
      ...parts.flatMap(({ steps }) => steps),
      ...routers.map((netns): NetworkStep => ({ kind: 'forward', netns })),
    ],
  };
}

/** The way from the world to a region's router, where wanted with the tap as a hop in between. */
function planUplink(
  region: RegionSpec,
  { index, isTapped }: { readonly index: number; readonly isTapped: boolean },
): NetworkPlan {
  const netns = regionNetns(region.name);
  const first = planHop(region, { from: WORLD, to: isTapped ? TAP : netns, net: 2, index });
  const links = [`netns add ${netns}`, ...first.links];
  if (!isTapped) return { links, steps: first.steps };
  const second = planHop(region, { from: TAP, to: netns, net: 3, index });
  return { links: [...links, ...second.links], steps: [...first.steps, ...second.steps] };
}

/** A link towards a region, named after it, and the link back, named `world`. */
function planHop(
  { name, cidr }: RegionSpec,
  hop: { readonly from: string; readonly to: string; readonly net: number; readonly index: number },
): NetworkPlan {
  const { from, to, net, index } = hop;
  const near = `169.254.${net}.${index * 4 + 1}`;
  const far = `169.254.${net}.${index * 4 + 2}`;
  const towards = [`addr add ${near}/30 dev ${name}`, `link set ${name} up`];
  const back = [`addr add ${far}/30 dev ${WORLD}`, `link set ${WORLD} up`];
  return {
    links: [`link add ${name} netns ${from} type veth peer name ${WORLD} netns ${to}`],
    steps: [
      { kind: 'ip', netns: from, lines: [...towards, `route add ${cidr} via ${far}`] },
      { kind: 'ip', netns: to, lines: [...back, `route add default via ${near}`] },
    ],
  };
}

/** The region's hosts, each on a link of its own. */
function planRegion(topology: Topology, region: RegionSpec): NetworkPlan {
  const netns = regionNetns(region.name);
  const links: string[] = [];
  const steps: NetworkStep[] = [];
  hostsOf(topology, region).forEach((host, index) => {
    const link = `host${index}`;
    const own = host.netns ? ` netns ${host.netns}` : '';
    if (host.netns) links.push(`netns add ${host.netns}`);
    links.push(`link add eth0${own} type veth peer name ${link} netns ${netns}`);
    const lines = planHost(host.address);
    steps.push(
      { kind: 'ip', ...(host.netns && { netns: host.netns }), lines },
      { kind: 'ip', netns, lines: planDownlink(link, host.address) },
    );
  });
  return { links, steps };
}

type PlannedHost = { readonly netns: string | undefined; readonly address: string };

/** The region's hosts, and the workstation, which has no namespace of its own. */
function hostsOf({ workstation }: Topology, region: RegionSpec): PlannedHost[] {
  const hosts: PlannedHost[] = region.hosts.map(({ name, address }) => ({ netns: name, address }));
  if (workstation.region !== region.name) return hosts;
  return [...hosts, { netns: undefined, address: workstation.address }];
}

/** In a host's namespace, whose `eth0` is its end of the link: address and the way out. */
export function planHost(address: string): string[] {
  return [
    'link set lo up',
    `addr add ${address}/32 dev eth0`,
    'link set eth0 up',
    `route add ${GATEWAY} dev eth0 scope link`,
    `route add default via ${GATEWAY} dev eth0 src ${address}`,
  ];
}

/** In the namespace of the host's router: the way to it. */
export function planDownlink(link: string, address: string): string[] {
  return [
    `addr add ${GATEWAY}/32 dev ${link}`,
    `link set ${link} up`,
    `route add ${address} dev ${link} scope link`,
  ];
}

function assertTopology({ regions, workstation, tapped }: Topology): void {
  if (regions.length > REGIONS_MAX) throw new Error(`more than ${REGIONS_MAX} regions`);
  const names = regions.flatMap(({ name, hosts }) => [
    regionNetns(name),
    ...hosts.map((host) => host.name),
  ]);
  const seen = new Set<string>([WORLD, TAP]);
  for (const name of names) {
    if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) throw new Error(`not a name for a host: ${name}`);
    if (seen.has(name)) throw new Error(`two hosts or regions are called ${name}`);
    seen.add(name);
  }
  for (const { name } of regions) {
    if (name.length > INTERFACE_NAME_LENGTH_MAX) throw new Error(`region name too long: ${name}`);
  }
  for (const region of [workstation.region, tapped]) {
    if (!regions.some(({ name }) => name === region)) throw new Error(`no region ${region}`);
  }
}
