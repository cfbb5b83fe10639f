// Who a workload is: the SPIFFE ID that policy decides on, and the name of the one Pod or VM that
// holds it. Both come from the authenticated caller; the authority writes them into certificates
// and everybody else reads them back here, so that writing and reading cannot drift apart.
import { createHash } from 'node:crypto';

export type WorkloadKind = 'Pod' | 'WorkloadEntry';

export type WorkloadIdentity = {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /**
   * The object that holds the identity, or undefined when only the service account is known. Read
   * from a certificate, `name` is what `certificateNameOf` made of the object's name.
   */
  readonly workload: { readonly kind: WorkloadKind; readonly name: string } | undefined;
};

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

/** SPIFFE-ID §2.3: the whole ID is at most 2048 bytes. Everything accepted below is ASCII. */
const SPIFFE_ID_LENGTH_MAX = 2048;
/** SPIFFE-ID §2.1: lower-case letters, digits, dots, dashes and underscores, at most 255. */
const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/;
/** RFC 1123 label, as Kubernetes demands of a namespace. */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** RFC 1123 subdomain, as Kubernetes demands of service accounts, Pods and WorkloadEntries. */
const SUBDOMAIN = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const SPIFFE_ID = /^spiffe:\/\/([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/;
/** RFC 5280 appendix A: upper bound of commonName and organizationName, in characters. */
export const CERTIFICATE_NAME_LENGTH_MAX = 64;
const HASH_LENGTH = 16;

export const isTrustDomain = (text: string): boolean => TRUST_DOMAIN.test(text);
export const isNamespaceName = (text: string): boolean => LABEL.test(text);
export const isObjectName = (text: string): boolean => SUBDOMAIN.test(text);

/** `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`, Istio's form. */
export function spiffeIdOf(
  identity: Pick<WorkloadIdentity, 'trustDomain' | 'namespace' | 'serviceAccount'>,
): string {
  const { trustDomain, namespace, serviceAccount } = identity;
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

/**
 * Reads Istio's form of a SPIFFE ID; everything inward may rely on the shape of its parts.
 * The workload is unknown: a SPIFFE ID names a service account, not one Pod or VM.
 */
export function parseSpiffeId(text: string): Parsed<WorkloadIdentity> {
  if (text.length > SPIFFE_ID_LENGTH_MAX) {
    return { ok: false, problem: `longer than ${SPIFFE_ID_LENGTH_MAX} bytes` };
  }
  const [, trustDomain = '', namespace = '', serviceAccount = ''] = SPIFFE_ID.exec(text) ?? [];
  if (trustDomain === '') {
    return {
      ok: false,
      problem: 'expected spiffe://<trust domain>/ns/<namespace>/sa/<service account>',
    };
  }
  const identity = { trustDomain, namespace, serviceAccount, workload: undefined };
  const problem = identityProblem(identity);
  return problem === undefined ? { ok: true, value: identity } : { ok: false, problem };
}

/** What is wrong with an identity's parts, or undefined: asked before a certificate is made. */
export function identityProblem(identity: WorkloadIdentity): string | undefined {
  const { trustDomain, namespace, serviceAccount, workload } = identity;
  if (!isTrustDomain(trustDomain)) return 'the trust domain is not a lower-case domain name';
  if (!isNamespaceName(namespace)) return 'the namespace is not an RFC 1123 label';
  if (!isObjectName(serviceAccount)) return 'the service account is not an RFC 1123 subdomain';
  if (workload && !isObjectName(workload.name)) {
    return `the name of the ${workload.kind} is not an RFC 1123 subdomain`;
  }
  return undefined;
}

/**
 * How an object's name (or a trust domain) stands in a certificate's subject, whose fields X.520
 * bounds at 64 characters: itself, or if it is longer its beginning, `-` and 16 hexadecimal digits
 * of its SHA-256. To find the object of a certificate, compare with this function of its name.
 */
export function certificateNameOf(name: string): string {
  if (name.length <= CERTIFICATE_NAME_LENGTH_MAX) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH);
  return `${name.slice(0, CERTIFICATE_NAME_LENGTH_MAX - HASH_LENGTH - 1)}-${hash}`;
}

export type WorkloadSubject = {
  readonly organization: string;
  readonly organizationalUnit: WorkloadKind | undefined;
  readonly commonName: string | undefined;
};

/** `O=<trust domain>, OU=<Pod|WorkloadEntry>, CN=<workload>`: names the workload to its peers. */
export function subjectOf(identity: WorkloadIdentity): WorkloadSubject {
  const { trustDomain, workload } = identity;
  return {
    organization: certificateNameOf(trustDomain),
    organizationalUnit: workload?.kind,
    commonName: workload && certificateNameOf(workload.name),
  };
}

/**
 * The workload that a certificate's subject names. The text is RFC 2253 (`CN=a,OU=Pod,O=b`, what
 * Envoy logs as the peer's subject) or Node's (`O=b\nOU=Pod\nCN=a`); order does not matter.
 *
 * @returns undefined when the subject is not one that our authority writes
 */
export function parseSubjectWorkload(text: string): WorkloadIdentity['workload'] {
  const fields = text.split(/[,\n]/).map((field) => field.trim());
  const valueOf = (type: string): string | undefined => {
    const values = fields.filter((field) => field.startsWith(`${type}=`));
    return values.length === 1 ? values[0]?.slice(type.length + 1) : undefined;
  };
  const kind = valueOf('OU');
  const name = valueOf('CN');
  if (kind !== 'Pod' && kind !== 'WorkloadEntry') return undefined;
  return name !== undefined && isObjectName(name) ? { kind, name } : undefined;
}
