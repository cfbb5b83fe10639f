// Every topic's routes, in the order in which they are tried.
import { graphRoutes } from './graph.ts';
import { identityRoutes } from './identity.ts';
import { joinRoutes } from './joins.ts';
import { reachRoutes } from './reach.ts';
import type { MockRoute } from './routes.ts';

export const ROUTES: readonly MockRoute[] = [
  ...graphRoutes,
  ...identityRoutes,
  ...joinRoutes,
  ...reachRoutes,
];
