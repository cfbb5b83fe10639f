// What both ends of a report of flows keep to. The agent stays below; isthmusd enforces.

export const FLOW_METHOD = '/isthmus.v1.FlowService/Report';

/** Of one message. */
export const BATCH_BYTES_MAX = 4 << 20;
/** Kinds of traffic that one stream may name. */
export const EDGES_MAX = 4096;
/** Connections of one agent that are open at once: above Envoy's own limit. */
export const CONNECTIONS_MAX = 65_536;
/** Series of one agent's metrics. */
export const SERIES_MAX = 6000;
/** Bytes that one connection can have carried in one batch: beyond any network. */
export const DELTA_MAX = 1e15;
/** Characters of one text: the longest are SPIFFE ids and peers' names. */
export const TEXT_MAX = 2600;
/** Of one label's value. */
export const LABEL_MAX = 2048;
