// Where we knowingly differ from Istio, each with its reason. The conformance tests fail on any
// other difference, and on an entry here that is no difference any more.

export type Gap = { readonly what: string; readonly reason: string };

/** Paths in a CustomResourceDefinition, `*` for any one step. */
export const CRD_GAPS: readonly Gap[] = [
  {
    what: '*.labels',
    reason: "they say that Istio's Helm chart installed the CRD, which it did not",
  },
];

/** Cases of whole resources, by their id. */
export const RESOURCE_GAPS: readonly Gap[] = [
  {
    what: 'reject-0123-serviceentry',
    reason: 'recorded without a namespace, so that "." stood for nothing; a real object has one',
  },
  { what: 'reject-0124-serviceentry', reason: 'as reject-0123-serviceentry' },
  { what: 'reject-0117-destinationrule', reason: 'as reject-0123-serviceentry' },
  { what: 'reject-0118-destinationrule', reason: 'as reject-0123-serviceentry' },
  { what: 'reject-0120-destinationrule', reason: 'as reject-0123-serviceentry' },
  { what: 'reject-0121-destinationrule', reason: 'as reject-0123-serviceentry' },
  { what: 'reject-0154-destinationrule', reason: 'as reject-0123-serviceentry' },
  {
    what: 'accept-1379-gateway',
    reason:
      'a host for no namespace (~), which Istio refuses, too, once the Gateway has a selector',
  },
  { what: 'reject-0125-virtualservice', reason: 'as reject-0123-serviceentry' },
  { what: 'reject-0126-virtualservice', reason: 'as reject-0123-serviceentry' },
  { what: 'reject-0147-virtualservice', reason: 'as reject-0123-serviceentry' },
];

/** Cases of accepted resources by their id, where Istio advises something that we do not. */
export const WARNING_GAPS: readonly Gap[] = [
  {
    what: 'accept-0756-envoyfilter',
    reason:
      'a field of Envoy that is not there; nothing acts on EnvoyFilters, so none is looked up',
  },
  { what: 'accept-0757-envoyfilter', reason: 'as accept-0756-envoyfilter' },
];
