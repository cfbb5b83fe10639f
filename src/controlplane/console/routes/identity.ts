// Who is who, what is encrypted, and what ends when: `GET /api/v1/identity`.
import type { TrustReport } from '#api/identity.ts';
import type { Authority } from '#ca/authority.ts';
import type { Clock } from '#base/clock.ts';
import type { Mesh } from '#model/mesh.ts';
import type { CertificateLedger } from '../../debug-certificates.ts';
import { CertificateHistory } from '../../identity/history.ts';
import { identityReport, trustReport } from '../../identity/report.ts';
import { edgesIn, nodesIn, trustIn } from '../../past/documents.ts';
import type { Past } from '../../past/past.ts';
import type { MeshView } from '../../view/mesh-view.ts';
import { momentOf } from '../moment.ts';
import { ok, type ApiRoute } from '../route.ts';

export type IdentityParts = {
  readonly mesh: Pick<Mesh, 'config'>;
  readonly view: Pick<MeshView, 'nodes' | 'edges' | 'momentAt'>;
  readonly past: Pick<Past, 'noteCertificate' | 'certificateEvents'>;
  readonly certificates: Pick<CertificateLedger, 'onSeen' | 'onRefused'>;
  readonly authority: { current(): Pick<Authority, 'roots' | 'chain'> };
  readonly clock: Clock;
};

export function identityRoutes(parts: IdentityParts): readonly ApiRoute[] {
  const { mesh, view, certificates, past, authority, clock } = parts;
  const history = new CertificateHistory(certificates, past, clock);
  const trustNow = (): TrustReport => trustReport(authority.current(), mesh.config());
  return [
    {
      method: 'GET',
      path: '/api/v1/identity',
      allow: { verb: 'get', resource: 'flows' },
      handle: ({ query }) => {
        const then = momentOf(query, { view, clock });
        const nowMs = then?.atMs ?? clock.nowMs();
        const report = identityReport({
          nowMs,
          nodes: then ? nodesIn(then.documents) : view.nodes(),
          edges: then ? edgesIn(then.documents) : view.edges(),
          trust: (then && trustIn(then.documents)) ?? trustNow(),
          events: history.events(nowMs),
        });
        return Promise.resolve(ok(report));
      },
    },
  ];
}
