// DestinationRule's loadBalancer: how a client spreads its connections over the endpoints.
import { duration, strings, uint32 } from '../kind-parts.ts';
import { object } from '../schema/object-schema.ts';
import { boolean, double, integer, list, map, nullable, string, word } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';

const count = () => integer({ min: 0 });

const httpCookie = object(
  {
    name: string(),
    path: string(),
    ttl: string(),
    attributes: list(object({ name: string(), value: string() }, { required: ['name'] })),
  },
  { required: ['name'] },
);

const consistentHash = object(
  {
    httpHeaderName: string(),
    httpCookie,
    useSourceIp: boolean(),
    httpQueryParameterName: string(),
    ringHash: object({ minimumRingSize: count() }),
    maglev: object({ tableSize: count() }),
    minimumRingSize: count(),
  },
  {
    oneOfs: [
      ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'],
      ['ringHash', 'maglev'],
    ],
  },
);

const failover = list(object({ from: string(), to: string() }));

/** Also of the mesh as a whole. */
export const localityLbSetting = object({
  distribute: list(object({ from: string(), to: map(uint32()) })),
  failover,
  failoverPriority: strings(),
  enabled: nullable(boolean()),
});

const zoneAwareLbSetting = object({
  enabled: nullable(boolean()),
  failover,
  failoverPriority: strings(),
  minClusterSize: nullable(integer({ min: 1, max: 4_294_967_295 })),
});

const warmup = object(
  {
    duration: duration(),
    minimumPercent: nullable(double({ min: 0, max: 100 })),
    aggression: nullable(double({ min: 0 })),
  },
  { required: ['duration'] },
);

export const loadBalancer = object(
  {
    simple: word([
      'UNSPECIFIED',
      'LEAST_CONN',
      'RANDOM',
      'PASSTHROUGH',
      'ROUND_ROBIN',
      'LEAST_REQUEST',
    ]),
    consistentHash,
    localityLbSetting,
    zoneAwareLbSetting,
    warmup,
    warmupDurationSecs: duration(),
  },
  { oneOf: ['simple', 'consistentHash'] },
);

export type LoadBalancerSpec = Static<typeof loadBalancer>;
export type LocalityLbSpec = Static<typeof localityLbSetting>;
