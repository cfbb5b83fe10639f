// Every topic's routes, in the order in which they are tried.
import { graphRoutes } from './graph.ts';
import { identityRoutes } from './identity.ts';
import { joinRoutes } from './joins.ts';
import { policyRoutes } from './policies.ts';
import { reachRoutes } from './reach.ts';
import type { MockRoute } from './routes.ts';
import { workloadRoutes } from './workloads.ts';

export const ROUTES: readonly MockRoute[] = [
  ...graphRoutes,
  ...identityRoutes,
  ...joinRoutes,
  ...workloadRoutes,
  ...policyRoutes,
  ...reachRoutes,
];
