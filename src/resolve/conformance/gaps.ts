// Cases of Istio's in which we knowingly end elsewhere, each with its reason. The test fails on any
// other, and on one here that is no difference any more.

export type Gap = { readonly what: string; readonly reason: string };

export const SIMULATION_GAPS: readonly Gap[] = [
  {
    what: 'simulation-TestPassthroughTraffic_ALLOW_ANY_DYNAMIC_DNS_with_VIP',
    reason: 'ALLOW_ANY_DYNAMIC_DNS is taken as ALLOW_ANY, and said so in status',
  },
  {
    what: 'simulation-TestTLSRouteTermination_tlsroute_with_tls_terminate',
    reason: 'an object that only Istio itself may write (a TLSRoute of the Gateway API)',
  },
];

export const ROUTES_GAPS: readonly Gap[] = [];
