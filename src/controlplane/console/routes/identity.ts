// Who is who, what is encrypted, and what ends when: `GET /api/v1/identity`.
import type { MeshEdge } from '#api/graph.ts';
import type { Authority } from '#ca/authority.ts';
import type { Clock } from '#base/clock.ts';
import type { Mesh } from '#model/mesh.ts';
import type { Flows } from '#telemetry/flows/flows.ts';
import type { CertificateLedger } from '../../debug-certificates.ts';
import { CertificateHistory } from '../../identity/history.ts';
import { identityReport } from '../../identity/report.ts';
import type { MeshView } from '../../view/mesh-view.ts';
import { ok, type ApiRoute } from '../route.ts';

export type IdentityParts = {
  readonly mesh: Pick<Mesh, 'config'>;
  readonly view: Pick<MeshView, 'nodes' | 'edges'>;
  readonly flows: Pick<Flows, 'series'>;
  readonly certificates: Pick<CertificateLedger, 'onSeen' | 'onRefused'>;
  readonly authority: { current(): Pick<Authority, 'roots' | 'chain'> };
  readonly clock: Clock;
};

const SHARE_MS = 5 * 60_000;
const STEP_SECONDS = 10;
/** Edges whose bytes are added up for one answer: the share is then of these. */
const EDGES_MAX = 2000;

export function identityRoutes(parts: IdentityParts): readonly ApiRoute[] {
  const { mesh, view, certificates, authority, clock } = parts;
  const history = new CertificateHistory(certificates, clock);
  return [
    {
      method: 'GET',
      path: '/api/v1/identity',
      allow: { verb: 'get', resource: 'flows' },
      handle: () => {
        const nowMs = clock.nowMs();
        const report = identityReport({
          nowMs,
          nodes: view.nodes(),
          edges: view.edges(),
          bytesOf: bytesAt(parts, nowMs),
          authority: authority.current(),
          config: mesh.config(),
          events: history.events(),
        });
        return Promise.resolve(ok(report));
      },
    },
  ];
}

/** Nothing is asked of an edge on which nothing has moved. */
function bytesAt({ flows }: IdentityParts, nowMs: number): (edge: MeshEdge) => number | undefined {
  let asked = 0;
  return ({ id, lastSeenMs }) => {
    if (nowMs - lastSeenMs > SHARE_MS) return 0;
    asked += 1;
    if (asked > EDGES_MAX) return undefined;
    const series = flows.series({
      of: { edge: id },
      fromMs: nowMs - SHARE_MS,
      toMs: nowMs,
      stepSeconds: STEP_SECONDS,
    });
    if (series === undefined) return undefined;
    const { stepSeconds, toServerBytes, toClientBytes } = series;
    const sum = (rates: readonly (number | null)[]): number =>
      rates.reduce<number>((total, rate) => total + (rate ?? 0) * stepSeconds, 0);
    return sum(toServerBytes) + sum(toClientBytes);
  };
}
