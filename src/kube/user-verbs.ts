// Asking who a user is and what they may do: TokenReview and SubjectAccessReview.
import type { KubeClient } from './client.ts';
import { isRecord } from './objects.ts';
import {
  apiVersionOf,
  resourcePath,
  SUBJECT_ACCESS_REVIEW,
  TOKEN_REVIEW,
  type ResourceType,
} from './resources.ts';
import { foreignAnswer, type KubeRequest, type KubeTransport } from './transport.ts';
import type { AccessQuestion, KubeUser, UserReview } from './user.ts';

/** The verbs about users of a client to the server at this address. */
export function userVerbs(
  transport: KubeTransport,
  server: string,
): Pick<KubeClient, 'reviewUser' | 'reviewAccess'> {
  return {
    reviewUser: async (token, { signal } = {}) => {
      const answer = await transport.exchange(review(TOKEN_REVIEW, { token }, signal));
      const result = parseUserReview(answer);
      if (!result) throw foreignAnswer(server, 'a TokenReview');
      return result;
    },
    reviewAccess: async (user, question, { signal } = {}) => {
      const spec = accessSpec(user, question);
      const answer = await transport.exchange(review(SUBJECT_ACCESS_REVIEW, spec, signal));
      if (!isRecord(answer) || !isRecord(answer['status'])) {
        throw foreignAnswer(server, 'a SubjectAccessReview');
      }
      return answer['status']['allowed'] === true;
    },
  };
}

const review = (
  type: ResourceType,
  spec: object,
  signal: AbortSignal | undefined,
): KubeRequest => ({
  method: 'POST',
  path: resourcePath(type),
  body: { apiVersion: apiVersionOf(type), kind: type.kind, spec },
  isRepeatable: true, // nothing is kept of it
  signal,
});

function accessSpec({ username, uid, groups, extra }: KubeUser, question: AccessQuestion): object {
  const [resource, subresource] = question.resource.split('/');
  const { verb, group, namespace, name } = question;
  return {
    user: username,
    groups,
    extra,
    ...(uid !== '' && { uid }),
    resourceAttributes: { verb, group, resource, subresource, namespace, name },
  };
}

function parseUserReview(answer: unknown): UserReview | undefined {
  if (!isRecord(answer) || !isRecord(answer['status'])) return undefined;
  const { authenticated, user, error } = answer['status'];
  if (authenticated !== true) {
    const problem = typeof error === 'string' && error !== '' ? error : 'invalid bearer token';
    return { isAuthenticated: false, problem };
  }
  if (!isRecord(user) || typeof user['username'] !== 'string') return undefined;
  const extra = isRecord(user['extra']) ? user['extra'] : {};
  return {
    isAuthenticated: true,
    user: {
      username: user['username'],
      uid: typeof user['uid'] === 'string' ? user['uid'] : '',
      groups: textsOf(user['groups']),
      extra: Object.fromEntries(Object.entries(extra).map(([key, it]) => [key, textsOf(it)])),
    },
  };
}

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
