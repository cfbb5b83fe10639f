// `POST serviceaccounts/NAME/token`: a token for a service account, bound to what the request names.
import type { TokenSigner } from '../auth/jwt.ts';
import { ISSUER, tokenClaims } from '../auth/service-account-token.ts';
import type { Binding } from '../auth/service-account-token.ts';
import { jsonResponse } from '../http/message.ts';
import type { ApiResponse } from '../http/message.ts';
import type { SpecialContext, Subresource } from '../http/special.ts';
import type { JsonObject } from '../object.ts';
import { isJsonObject, listAt, numberAt, objectAt, stringAt } from '../object.ts';
import { decodeObject } from '../registry/decode.ts';
import { generateUid, timestamp } from '../registry/names.ts';
import { defineTransient } from '../kinds/define.ts';
import { conflict, invalidObject, notFoundError } from '../status.ts';
import { invalid } from '../violation.ts';
import type { Violation } from '../violation.ts';

const LIFETIME_DEFAULT_SECONDS = 3_600;
const LIFETIME_MIN_SECONDS = 600;
const LIFETIME_MAX_SECONDS = 2 ** 32;

const TOKEN_REQUEST = defineTransient({
  api: 'authentication.k8s.io/v1',
  kind: 'TokenRequest',
  type: 'authn.TokenRequest',
});

export function tokenRequest(signer: TokenSigner): Subresource {
  return {
    parent: 'serviceaccounts',
    name: 'token',
    kind: 'TokenRequest',
    group: 'authentication.k8s.io',
    version: 'v1',
    verbs: ['create'],
    handle: (context, body) => {
      const { options, warn } = context;
      const request = decodeObject(TOKEN_REQUEST, body(), { ...options, warn });
      return issue(signer, context, objectAt(request, 'spec'));
    },
  };
}

function issue(signer: TokenSigner, context: SpecialContext, spec: JsonObject): ApiResponse {
  const { backend, info } = context;
  const { namespace, name } = info;
  const account = backend.store.get({ resource: 'serviceaccounts', namespace, name });
  if (!account) throw notFoundError({ group: '', plural: 'serviceaccounts' }, name);
  const seconds = numberAt(spec, 'expirationSeconds') ?? LIFETIME_DEFAULT_SECONDS;
  requireLifetime(seconds);
  const audiences = listAt(spec, 'audiences').filter((one) => typeof one === 'string');
  const issuedAtSeconds = Math.floor(backend.clock.nowMs() / 1000);
  const expiresAtSeconds = issuedAtSeconds + seconds;
  const token = signer.sign(
    tokenClaims({
      namespace,
      account: { name, uid: account.metadata.uid ?? '' },
      audiences: audiences.length === 0 ? [ISSUER] : audiences,
      binding: bindingOf(context, spec),
      issuedAtSeconds,
      expiresAtSeconds,
      id: generateUid(backend.randomBytes),
    }),
  );
  return jsonResponse(201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace, creationTimestamp: timestamp(backend.clock.nowMs()) },
    spec: {
      audiences: audiences.length === 0 ? [ISSUER] : audiences,
      expirationSeconds: seconds,
      boundObjectRef: spec['boundObjectRef'] ?? null,
    },
    status: { token, expirationTimestamp: timestamp(expiresAtSeconds * 1000) },
  });
}

const KIND = { group: 'authentication.k8s.io', kind: 'TokenRequest' };

function requireLifetime(seconds: number): void {
  const refuse = (why: string): Violation => invalid('spec.expirationSeconds', seconds, why);
  if (seconds < LIFETIME_MIN_SECONDS) {
    throw invalidObject(KIND, '', [refuse('may not specify a duration less than 10 minutes')]);
  }
  if (seconds > LIFETIME_MAX_SECONDS) {
    throw invalidObject(KIND, '', [refuse('may not specify a duration larger than 2^32 seconds')]);
  }
}

/** The object that the token lives and dies with. It must exist, and be the very one. */
function bindingOf({ backend, info }: SpecialContext, spec: JsonObject): Binding | undefined {
  const reference = spec['boundObjectRef'];
  if (!isJsonObject(reference)) return undefined;
  const kind = stringAt(reference, 'kind');
  if (kind !== 'Pod' && kind !== 'Secret') {
    const why = 'cannot bind token to object of that kind: only Pod and Secret are supported';
    throw invalidObject(KIND, '', [invalid('spec.boundObjectRef.kind', kind, why)]);
  }
  const resource = kind === 'Pod' ? 'pods' : 'secrets';
  const name = stringAt(reference, 'name');
  const found = backend.store.get({ resource, namespace: info.namespace, name });
  if (!found) throw notFoundError({ group: '', plural: resource }, name);
  const uid = found.metadata.uid ?? '';
  const wanted = stringAt(reference, 'uid');
  if (wanted !== '' && wanted !== uid) {
    const why = `the UID in the bound object reference (${wanted}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict({ group: '', plural: resource }, name, why);
  }
  const podSpec = objectAt(found, 'spec');
  if (kind === 'Pod' && stringAt(podSpec, 'serviceAccountName') !== info.name) {
    const why = `cannot bind token for serviceaccount ${JSON.stringify(info.name)} to pod running with different serviceaccount name.`;
    throw invalidObject(KIND, '', [invalid('spec.boundObjectRef.name', name, why)]);
  }
  const node = kind === 'Pod' ? stringAt(podSpec, 'nodeName') : '';
  return { kind, name, uid, ...(node !== '' && { node }) };
}
