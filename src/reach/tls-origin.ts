// Why a call is encrypted, or is not: which policy says what the server takes, which rule what the
// client speaks, or that the mesh's own defaults do.
import type { EdgeTls, TlsReason } from '#api/identity.ts';
import { DESTINATION_RULE } from '#kube/resources.ts';
import type { Mesh } from '#model/mesh.ts';
import type { MeshService } from '#model/service.ts';
import type { Workload } from '#model/workload.ts';
import { clientSecurity } from '#resolve/client-policy.ts';

type Asked = {
  readonly from: Workload | undefined;
  readonly to: Workload | undefined;
  /** The server's own. */
  readonly port: number;
  /** What was called; undefined: none, or nobody knows. */
  readonly service: MeshService | undefined;
};

export const tlsOrigin = (mesh: Mesh, asked: Asked): EdgeTls => ({
  server: serverReason(mesh, asked),
  client: clientReason(mesh, asked),
});

const said = (text: string, object: TlsReason['object'] = null): TlsReason => ({ text, object });

export function serverReason(mesh: Mesh, { to, port }: Pick<Asked, 'to' | 'port'>): TlsReason {
  if (to === undefined) return said('outside of the mesh: no policy of its is about it');
  if (to.tlsMode !== 'istio') return said('no proxy stands before the server: plaintext alone');
  const { mode, by } = mesh.mtlsOrigin(to, port);
  if (by === undefined) return said(`${mode}, the default: no PeerAuthentication says otherwise`);
  if (by.name === '') return said(`${mode}, by a ${by.kind} of authentication.istio.io`);
  return said(`${mode}, by ${by.kind} ${by.namespace}/${by.name}`, by);
}

export function clientReason(mesh: Mesh, { from, to, port, service }: Asked): TlsReason {
  if (from === undefined) return said('outside of the mesh: it speaks as it likes');
  if (from.tlsMode !== 'istio' && !from.isGateway) {
    return said('no proxy stands beside the client: it speaks for itself, without mutual TLS');
  }
  if (service === undefined) return said('it dialled an address, no service: no rule is about it');
  const rule = mesh.destinationRuleFor(from.namespace, service, from.labels);
  const served = to && mesh.inboundPorts(to.key).find((one) => one.port === port);
  const asked = { port: served?.service.port ?? port, subset: '' };
  const { kind } = clientSecurity(rule, asked);
  const by = rule?.policyOf;
  const object = by ? { kind: DESTINATION_RULE.kind, ...by } : null;
  const named = by ? `by ${DESTINATION_RULE.kind} ${by.namespace}/${by.name}` : '';
  switch (kind) {
    case 'automatic':
      return automatic(mesh);
    case 'plaintext':
      return said(`plaintext (DISABLE), ${named}`, object);
    case 'mesh':
      return said(`mutual TLS (ISTIO_MUTUAL), ${named}`, object);
    case 'own':
      return said(`TLS of its own, with other certificates than the mesh’s, ${named}`, object);
    default:
      return said(`TLS of a kind that is not spoken here, ${named}`, object);
  }
}

const automatic = (mesh: Mesh): TlsReason =>
  mesh.config().enableAutoMtls
    ? said('mutual TLS wherever the server takes it (automatic): no DestinationRule says otherwise')
    : said(
        'plaintext: MeshConfig turns automatic mutual TLS off, and no DestinationRule asks for it',
      );
