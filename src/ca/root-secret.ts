// Where the mesh's authority is kept: in Istio's own Secrets, so that an authority made or plugged
// in for Istio goes on to be the mesh's.
//
// - `cacerts` (ca-cert.pem, ca-key.pem, cert-chain.pem, root-cert.pem): plugged in by an operator.
// - `istio-ca-secret` (ca-cert.pem, ca-key.pem, and root-cert.pem while roots are being changed):
//   the mesh's own, made by whoever comes first.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { KubeClient } from '#kube/client.ts';
import { isRecord, type KubeObject } from '#kube/objects.ts';
import { SECRET } from '#kube/resources.ts';
import { isAlreadyExists, isNotFound } from '#kube/status.ts';
import { openAuthority, type Authority, type AuthorityMaterial } from './authority.ts';
import { createRoot } from './root.ts';

export const ROOT_NAMESPACE = 'istio-system';
export const PLUGGED_IN_SECRET = 'cacerts';
export const OWN_SECRET = 'istio-ca-secret';
/** Lost races to create the Secret, each followed by reading the winner's. */
const ATTEMPTS_MAX = 5;

export type RootSecretOptions = {
  readonly client: Pick<KubeClient, 'get' | 'create'>;
  readonly trustDomain: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Default `istio-system`. */
  readonly namespace?: string;
};

/**
 * The mesh's authority, plugged in or its own; one is made when there is none. Of several that do
 * so at once, one wins and all use the winner's.
 *
 * @throws OperatorError CONFIG_INVALID when a Secret is there but cannot be the authority
 * @throws OperatorError API_SERVER_UNREACHABLE, or KubeStatusError when access is refused
 */
export async function loadOrCreateAuthority(
  options: RootSecretOptions,
  signal?: AbortSignal,
): Promise<Authority> {
  const { client, clock, log, trustDomain, namespace = ROOT_NAMESPACE } = options;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    for (const name of [PLUGGED_IN_SECRET, OWN_SECRET]) {
      const secret = await find(client, { namespace, name }, signal);
      if (secret) return authorityIn(secret, clock.nowMs());
    }
    const material = createRoot(trustDomain, clock.nowMs());
    try {
      await client.create(SECRET, secretOf(material, namespace), { signal });
      log.info('made a root certificate for the mesh', { secret: `${namespace}/${OWN_SECRET}` });
    } catch (error) {
      if (isNotFound(error)) throw missingNamespace(namespace, error);
      if (!isAlreadyExists(error)) throw error;
    }
    // Read back even what was just written: what counts is what all the others read.
  }
  throw new Error(`Secret ${namespace}/${OWN_SECRET} is created and gone again and again`);
}

/**
 * The authority that a Secret holds.
 *
 * @throws OperatorError CONFIG_INVALID naming the Secret and what is wrong
 */
export function authorityIn(secret: KubeObject, nowMs: number): Authority {
  const { name, namespace } = secret.metadata;
  const certificatePem = textIn(secret, 'ca-cert.pem');
  const rootPem = textIn(secret, 'root-cert.pem');
  const material: AuthorityMaterial = {
    certificatePem,
    keyPem: textIn(secret, 'ca-key.pem'),
    chainPem: textIn(secret, 'cert-chain.pem'),
    rootPem: rootPem === '' ? certificatePem : rootPem,
  };
  const opened = openAuthority(material, nowMs);
  if (opened.ok) return opened.value;
  throw new OperatorError(
    'CONFIG_INVALID',
    `the certificate authority in Secret ${namespace}/${name} cannot be used: ${opened.problem}`,
    {
      remedy:
        name === PLUGGED_IN_SECRET
          ? 'put a valid ca-cert.pem, ca-key.pem, cert-chain.pem and root-cert.pem into it'
          : 'delete it to have a new root made (workloads must then take new certificates)',
    },
  );
}

async function find(
  client: Pick<KubeClient, 'get'>,
  ref: { readonly namespace: string; readonly name: string },
  signal: AbortSignal | undefined,
): Promise<KubeObject | undefined> {
  try {
    return await client.get(SECRET, ref, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function secretOf(material: AuthorityMaterial, namespace: string): KubeObject {
  const encode = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
  return {
    metadata: { name: OWN_SECRET, namespace },
    type: 'istio.io/ca-root',
    data: {
      'ca-cert.pem': encode(material.certificatePem),
      'ca-key.pem': encode(material.keyPem),
    },
  };
}

function textIn(secret: KubeObject, key: string): string {
  const data = isRecord(secret['data']) ? secret['data'] : {};
  const value = data[key];
  return typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : '';
}

function missingNamespace(namespace: string, cause: unknown): OperatorError {
  return new OperatorError('CONFIG_INVALID', `namespace ${namespace} does not exist`, {
    remedy: `kubectl create namespace ${namespace}`,
    cause,
  });
}
