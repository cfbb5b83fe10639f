// Every route of /api/v1 but those of sessions: each topic's own, one line each.
import type { ControlPlane } from '../build.ts';
import type { ApiRoute } from './route.ts';
import { edgeTlsRoute } from './routes/edge-tls.ts';
import { flowRoutes } from './routes/flows.ts';
import { identityRoutes } from './routes/identity.ts';
import { joinRefusalsRoute } from './routes/join-refusals.ts';
import { joinRoutes } from './routes/joins.ts';
import { workloadRoutes } from './routes/workloads.ts';
import { policyRoutes } from './routes/policies.ts';
import { reachRoutes } from './routes/reach.ts';

/** @param parts what the routes answer from */
export function apiRoutes(parts: ControlPlane): readonly ApiRoute[] {
  return [
    ...flowRoutes(parts),
    ...joinRoutes(parts),
    ...workloadRoutes(parts),
    ...reachRoutes(parts),
    ...policyRoutes(parts),
    ...identityRoutes(parts),
    edgeTlsRoute(parts),
    joinRefusalsRoute(parts),
  ];
}
