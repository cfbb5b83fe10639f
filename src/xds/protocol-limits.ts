// How much one stream may make the server hold and send.

export type ProtocolLimits = {
  /** Names asked for, all types together. Envoy never gives one up by itself. */
  readonly namesMax: number;
  /** Of these, names that mean nothing: small, so that a scan of addresses costs little. */
  readonly unknownNamesMax: number;
  /** Aim for the size of a response; a larger resource goes alone. */
  readonly responseBytesMax: number;
};

/**
 * A destination costs a proxy two names (cluster, endpoints) and Envoy some 80 KiB; responses are
 * sized so that even thousands of slow readers hold little, at the price of round trips that only
 * a proxy that takes everything notices.
 */
export const PROTOCOL_LIMITS: ProtocolLimits = {
  namesMax: 10_000,
  unknownNamesMax: 200,
  responseBytesMax: 256 << 10,
};
