// Where things are in the benchmark of the data path.
export const PORTS = { postgres: 5432, echo: 7000, http: 8080 } as const;
export type Port = keyof typeof PORTS;

/** What the client's Envoys take captured connections on, and the servers' do. */
export const PAIR = { outbound: 16_001, inbound: 16_006 } as const;
/** Where the server's side of a hand-written pair, and of HAProxy, is dialled: by port served. */
export const beside = (offset: 1 | 2, port: Port): number => 20_000 * offset + PORTS[port];

/** As the agent marks what its Envoy sends: so that the capture rules let it out. */
export const PROXY_MARK = 0x539;
