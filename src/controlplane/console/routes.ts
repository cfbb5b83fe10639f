// Every route of /api/v1: each topic's own, one line each.
import type { ControlPlane } from '../build.ts';
import type { ApiRoute } from './route.ts';

/** @param _parts what the routes answer from */
export function apiRoutes(_parts: ControlPlane): readonly ApiRoute[] {
  return [];
}
