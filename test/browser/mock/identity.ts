// The Identity page's report, made of the mock's mesh, so that events change it, too.
import type { EdgeTls, IdentityReport, IdentityRow, TrustAnchor } from '#api/identity.ts';
import type { MockMesh } from './mesh.ts';
import type { MockRoute } from './routes.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const OVERDUE_SHARE = 0.2;

export const rootOf = (nowMs: number, change: Partial<TrustAnchor> = {}): TrustAnchor => ({
  subject: 'O=cluster.local, CN=Isthmus root',
  fingerprint:
    '7c:11:0e:95:f2:6a:d3:48:bb:02:91:ce:5f:30:a7:64:19:dd:8e:71:26:f9:43:b0:ac:55:e8:1f',
  notBeforeMs: nowMs - 30 * DAY_MS,
  notAfterMs: nowMs + 3_620 * DAY_MS,
  ...change,
});

export function identityReport(mesh: MockMesh, nowMs: number): IdentityReport {
  const { nodes, edges, mesh: names } = mesh.snapshot(nowMs);
  const members = nodes.filter(({ kind }) => kind !== 'external' && kind !== 'unknown');
  const certificates: IdentityRow[] = members.map((node) => ({
    node: node.id,
    workload: node.name,
    isVm: node.kind === 'vm',
    certificate: node.certificate,
    remark: node.certificate ? '' : 'no report from this proxy',
  }));
  const known = certificates.flatMap(({ certificate }) => certificate ?? []);
  const stateCount = (state: string): number =>
    edges.filter(({ encryption }) => encryption.state === state).length;
  return {
    nowMs,
    encryptedShare: edges.length === 0 ? null : 1 - stateCount('plaintext') / edges.length,
    plaintextEdges: stateCount('plaintext'),
    oneSidedEdges: stateCount('one-sided'),
    expiring: known.filter(({ notBeforeMs, notAfterMs }) => {
      return (notAfterMs - nowMs) / (notAfterMs - notBeforeMs) <= OVERDUE_SHARE;
    }).length,
    certificates,
    edges: edges.map(({ id, encryption }) => ({ edge: id, encryption })),
    trust: {
      trustDomain: names.trustDomain,
      aliases: [],
      roots: [rootOf(nowMs)],
      chain: [
        rootOf(nowMs, {
          subject: 'O=cluster.local, CN=Isthmus CA',
          fingerprint:
            '02:4f:aa:71:9c:35:e0:12:6d:b8:57:ff:c4:83:2e:91:0b:d6:48:7a:e5:39:1c:f0:62:ad:94:bb',
          notAfterMs: nowMs + 340 * DAY_MS,
        }),
        rootOf(nowMs),
      ],
    },
    timeline: certificates.flatMap(({ workload, certificate }) => {
      if (!certificate) return [];
      const { serial, notBeforeMs } = certificate;
      const text = `renewed, serial ${serial}`;
      return [{ atMs: notBeforeMs, kind: 'rotated' as const, workload, text }];
    }),
  };
}

const TLS: EdgeTls = {
  server: {
    text: 'STRICT, by PeerAuthentication inventory/strict',
    object: { kind: 'PeerAuthentication', namespace: 'inventory', name: 'strict' },
  },
  client: {
    text: 'mutual TLS wherever the server takes it (automatic): no DestinationRule says otherwise',
    object: null,
  },
};

export const identityRoutes: readonly MockRoute[] = [
  {
    method: 'GET',
    path: '/api/v1/identity',
    handle: ({ mesh, nowMs }) => ({ json: identityReport(mesh, nowMs) }),
  },
  {
    method: 'GET',
    path: '/api/v1/edges/:id/tls',
    handle: () => ({ json: TLS }),
  },
];
