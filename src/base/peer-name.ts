// How an agent asks who somebody is: by the certificate that it showed, or by its address where it
// showed none. Both ends of a connection make the same name of the same peer, and so get the same
// answer: what one of them cannot know, neither says.
import { canonicalIp } from './ip.ts';
import {
  identityProblem,
  isTrustDomain,
  parseSpiffeId,
  parseSubjectWorkload,
  type WorkloadIdentity,
} from './workload-identity.ts';

export type Peer =
  | { readonly kind: 'certificate'; readonly identity: WorkloadIdentity }
  | { readonly kind: 'address'; readonly address: string };

/** What is seen of one end of a connection. Texts as Envoy logs them, empty where there is none. */
export type SeenPeer = {
  /** The URI among the certificate's alternative names. */
  readonly spiffeId: string;
  /** The certificate's subject, RFC 2253. */
  readonly subject: string;
  /** The IP address that its side of the connection had. */
  readonly address: string;
};

const CERTIFICATE = 'cert';
const ADDRESS = 'ip';

/**
 * `cert|<trust domain>|<namespace>|<service account>|<Pod or WorkloadEntry>|<name>` or
 * `ip|<address>`; undefined when nothing that is seen names anybody.
 */
export function peerName({ spiffeId, subject, address }: SeenPeer): string | undefined {
  if (spiffeId !== '') {
    const parsed = parseSpiffeId(spiffeId);
    if (!parsed.ok) return undefined; // of a foreign mesh, perhaps: its address would say less
    const { trustDomain, namespace, serviceAccount } = parsed.value;
    const workload = parseSubjectWorkload(subject);
    const holder = workload ? [workload.kind, workload.name] : ['', ''];
    return [CERTIFICATE, trustDomain, namespace, serviceAccount, ...holder].join('|');
  }
  const ip = canonicalIp(address);
  return ip === undefined ? undefined : `${ADDRESS}|${ip}`;
}

/** Reads what `peerName` writes; a name that it would spell otherwise is none. */
export function parsePeerName(name: string): Peer | undefined {
  const [form, ...parts] = name.split('|');
  if (form === ADDRESS) {
    const [address = '', ...rest] = parts;
    const isOne = rest.length === 0 && canonicalIp(address) === address;
    return isOne ? { kind: 'address', address } : undefined;
  }
  const [trustDomain = '', namespace = '', serviceAccount = '', kind = '', holder = ''] = parts;
  if (form !== CERTIFICATE || parts.length !== 5 || !isTrustDomain(trustDomain)) return undefined;
  const account = { trustDomain, namespace, serviceAccount };
  if (kind === '' && holder === '') return peerOf({ ...account, workload: undefined });
  if (kind !== 'Pod' && kind !== 'WorkloadEntry') return undefined;
  return peerOf({ ...account, workload: { kind, name: holder } });
}

const peerOf = (identity: WorkloadIdentity): Peer | undefined =>
  identityProblem(identity) === undefined ? { kind: 'certificate', identity } : undefined;
