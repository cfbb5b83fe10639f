// Where analysis knowingly differs from Istio's, each with its reason. The test fails on any other
// difference, and on an entry that is no difference any more.

export type Gap = { readonly what: string; readonly reason: string };

/** Sets of resources, by their id. */
export const ANALYSIS_GAPS: readonly Gap[] = [];

/** The same, by the words of what all analyzers say. */
export const WORDING_GAPS: readonly Gap[] = [
  {
    what: 'analyze-virtualServiceConflictingMeshGatewayHosts',
    reason:
      'of several conflicts of one VirtualService Istio names any, as its map has it; we the first',
  },
];
