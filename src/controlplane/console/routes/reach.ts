// Can A reach B, and why (not)? `GET /api/v1/reach?from=&to=&port=`; `POST` with a ReachRequest,
// which may also ask to try. And what there is to ask about: the denials of the last day,
// `GET /api/v1/denials?limit=`, newest first.
import type { ReachRequest } from '#api/reach.ts';
import { isRecord } from '#kube/objects.ts';
import { understand, type Question } from '#reach/question.ts';
import { AgentQueue } from '../../reach/agent-queue.ts';
import { answerReach, type ReachParts } from '../../reach/ask.ts';
import { numberParameter, textParameter } from '../parameters.ts';
import { RateLimit } from '../rate-limit.ts';
import {
  ApiRefusal,
  badRequest,
  ok,
  type ApiAnswer,
  type ApiCall,
  type ApiRoute,
} from '../route.ts';

const SEE = { verb: 'get', resource: 'flows' } as const;
const PROBE = { verb: 'create', resource: 'proxies/probe' } as const;
const PATH = '/api/v1/reach';
const PORT_MAX = 65_535;
const NAME_LENGTH_MAX = 600;
/** "The last denial" is one that somebody may still want to understand. */
const DENIALS_MS = 24 * 3_600_000;
const DENIALS_MAX = 100;
/** Each opens real connections from workloads. */
const PROBES = { burst: 6, perMinute: 30 };

export function reachRoutes(given: ReachParts): readonly ApiRoute[] {
  // one for all users: who asks at the same moment as another waits, and is answered
  const parts = { ...given, agents: new AgentQueue(given.agents, given) };
  const limit = new RateLimit(PROBES, parts.clock);
  return [
    {
      method: 'GET',
      path: PATH,
      allow: SEE,
      handle: async ({ query }) => {
        const request = {
          from: textParameter(query, 'from') ?? '',
          to: textParameter(query, 'to') ?? '',
          port: numberParameter(query, 'port', { max: PORT_MAX }) ?? 0,
        };
        return ok(await answerReach(parts, questionOf(parts, request), undefined));
      },
    },
    {
      method: 'POST',
      path: PATH,
      allow: SEE,
      handle: async (call) => await answer(parts, call, limit),
    },
    {
      method: 'GET',
      path: '/api/v1/denials',
      allow: SEE,
      handle: ({ query }) => {
        const nowMs = parts.clock.nowMs();
        const limit = numberParameter(query, 'limit', { max: DENIALS_MAX }) ?? DENIALS_MAX;
        const span = { fromMs: nowMs - DENIALS_MS, toMs: nowMs + 1 };
        return Promise.resolve(ok(parts.flows.denials(span).slice(0, limit)));
      },
    },
  ];
}

async function answer(parts: ReachParts, call: ApiCall, limit: RateLimit): Promise<ApiAnswer> {
  const request = requestOf(call.body);
  const question = questionOf(parts, request);
  if (!request.isProbing) return ok(await answerReach(parts, question, undefined));
  const { user, signal } = call;
  const { from } = question;
  if (!(await call.may(PROBE, from.namespace))) {
    throw new ApiRefusal(403, {
      code: 'forbidden',
      message: `${user.username} may not create proxies/probe of isthmus.dev in ${from.namespace}`,
      remedy: 'ask without probing, or let somebody bind you the ClusterRole isthmus-editor',
    });
  }
  const waitSeconds = limit.take(user.username);
  if (waitSeconds > 0) {
    const message = `too many probes: wait ${waitSeconds} s`;
    const headers = { 'retry-after': String(waitSeconds) };
    throw new ApiRefusal(429, { code: 'too-many', message }, headers);
  }
  const mayProbe = async (at: string): Promise<boolean> => {
    const namespace = parts.mesh.workloads.get(at)?.namespace;
    return namespace !== undefined && (await call.may(PROBE, namespace));
  };
  return ok(await answerReach(parts, question, { signal, by: user.username, mayProbe }));
}

type Asked = Omit<ReachRequest, 'isProbing'>;

/** @throws ApiRefusal 400 */
function requestOf(body: unknown): ReachRequest {
  const { from, to, port = 0, isProbing = false } = isRecord(body) ? body : {};
  const isName = (value: unknown): value is string =>
    typeof value === 'string' && value !== '' && value.length <= NAME_LENGTH_MAX;
  const isPort = Number.isInteger(port) && Number(port) >= 0 && Number(port) <= PORT_MAX;
  if (!isName(from) || !isName(to) || !isPort || typeof isProbing !== 'boolean') {
    throw badRequest('ask with {"from": name, "to": name, "port": number, "isProbing": boolean}');
  }
  return { from, to, port: Number(port), isProbing };
}

/** @throws ApiRefusal 400, 404 */
function questionOf({ mesh }: ReachParts, asked: Asked): Question {
  if (asked.from === '' || asked.to === '') throw badRequest('from and to must be named');
  const understood = understand(mesh, asked);
  if (understood.ok) return understood.question;
  const { kind, problem: message, remedy } = understood;
  if (kind === 'vague') throw badRequest(message, remedy);
  throw new ApiRefusal(404, { code: 'not-found', message, remedy });
}
