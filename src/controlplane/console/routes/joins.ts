// Machines that join: who does, inviting one, calling it off.
import type { Join, JoinInvitation, JoinRequest } from '#api/joins.ts';
import type { Authority } from '#ca/authority.ts';
import type { Clock } from '#base/clock.ts';
import { canonicalIp } from '#base/ip.ts';
import { isNamespaceName, isObjectName } from '#base/workload-identity.ts';
import { textAt, textsAt } from '#kube/fields.ts';
import type { KubeClient } from '#kube/client.ts';
import { isRecord } from '#kube/objects.ts';
import { enrolShared, registrationOf, type Enrolment } from '#registry/enrol.ts';
import { TooManyJoins, type Joins } from '#registry/joins/joins.ts';
import { pinOf } from '#registry/joins/token.ts';
import { parseAddress, parseName } from '#registry/register/request.ts';
import { discoverGateway } from '#registry/vm/facts.ts';
import { joinsIn } from '../../past/documents.ts';
import type { MeshView } from '../../view/mesh-view.ts';
import { RIGHTS_GROUP } from '../access.ts';
import { momentOf } from '../moment.ts';
import { ApiRefusal, badRequest, notFound, ok, type ApiCall, type ApiRoute } from '../route.ts';

export type JoinParts = {
  readonly joins: Joins;
  /** For how joins were at a moment gone by. */
  readonly view: Pick<MeshView, 'momentAt'>;
  readonly clock: Clock;
  readonly client: KubeClient;
  readonly authority: { current(): Authority };
};

const SEE = { verb: 'get', resource: 'joins' } as const;
const INVITE = { verb: 'create', resource: 'joins' } as const;
const PORT = 15_012;
const TTL_SECONDS = { min: 60, max: 86_400, default: 900 };

export function joinRoutes(parts: JoinParts): readonly ApiRoute[] {
  const { joins } = parts;
  const find = ({ params }: ApiCall) => {
    const join = joins.get(params['id'] ?? '');
    if (!join) throw notFound('such join');
    return join;
  };
  return [
    {
      method: 'GET',
      path: '/api/v1/joins',
      allow: SEE,
      handle: ({ query }) => Promise.resolve(ok(joinsThen(parts, query) ?? joins.list())),
    },
    {
      method: 'GET',
      path: '/api/v1/joins/:id',
      allow: SEE,
      handle: (call) => {
        const then = joinsThen(parts, call.query);
        const join = then ? then.find(({ id }) => id === call.params['id']) : find(call);
        if (!join) throw notFound('such join');
        return Promise.resolve(ok(join));
      },
    },
    // whoever may invite in that namespace is asked inside: the path names none
    {
      method: 'POST',
      path: '/api/v1/joins',
      allow: 'signed-in',
      handle: async (call) => ({ status: 201, body: await invite(parts, call) }),
    },
    {
      method: 'DELETE',
      path: '/api/v1/joins/:id',
      allow: 'signed-in',
      handle: async (call) => {
        const { id } = find(call);
        const record = joins.record(id);
        if (!record) throw notFound('such join');
        if (!(await mayInvite(parts, call, record))) {
          throw forbidden(call, `create joins of ${record.serviceAccount} in ${record.namespace}`);
        }
        joins.note(id, { kind: 'cancelled' });
        await joins.save();
        return ok(find(call));
      },
    },
  ];
}

/** Newest first; undefined: it is now that was asked for. */
function joinsThen(parts: JoinParts, query: URLSearchParams): readonly Join[] | undefined {
  const then = momentOf(query, parts);
  return then && joinsIn(then.documents).toSorted((a, b) => b.startedAtMs - a.startedAtMs);
}

async function invite(parts: JoinParts, call: ApiCall): Promise<JoinInvitation> {
  const { client, joins, authority } = parts;
  const { user, signal } = call;
  const request = readRequest(call.body);
  const { namespace, serviceAccount } = request;
  if (!(await mayInvite(parts, call, request))) {
    throw forbidden(call, `create joins of ${serviceAccount} in ${namespace}`);
  }
  const enrolment = enrolmentOf(request);
  const ports = registrationOf(enrolment).ports.map(({ port }) => port);
  const host = request.gateway || (await discoverGateway(client, signal));
  await enrolShared(client.as(user), enrolment, signal);
  const [root] = authority.current().roots;
  if (!root) throw new Error('an authority without a root');
  const ttlMs = request.ttlSeconds * 1_000;
  const { name, workload } = enrolment;
  const address = request.address === '' ? '' : parseAddress(request.address);
  const invited = await joins
    .invite({
      name,
      workload,
      namespace,
      serviceAccount,
      ports,
      enrolment,
      address,
      ttlMs,
      host,
      port: PORT,
      by: user.username,
      pin: pinOf(root.raw),
    })
    .catch((error: unknown) => {
      if (!(error instanceof TooManyJoins)) throw error;
      throw new ApiRefusal(429, { code: 'too-many', message: error.message });
    });
  const { join, token, expiresAtMs } = invited;
  return { join, command: renderCommand(token, host), expiresAtMs };
}

/**
 * The right is to let machines into the mesh as that service account: its name is that of the
 * object asked about, so that a role's `resourceNames` can say which.
 */
async function mayInvite(
  { client }: JoinParts,
  { user, signal }: ApiCall,
  { namespace, serviceAccount }: { readonly namespace: string; readonly serviceAccount: string },
): Promise<boolean> {
  const question = { ...INVITE, group: RIGHTS_GROUP, namespace, name: serviceAccount };
  return await client.reviewAccess(user, question, { signal });
}

/** Typed on the VM as it is. */
export const renderCommand = (token: string, host: string): string =>
  `sudo isthmus vm join ${token}@${host.includes(':') ? `[${host}]` : host}:${PORT}`;

const forbidden = ({ user }: ApiCall, what: string): ApiRefusal =>
  new ApiRefusal(403, {
    code: 'forbidden',
    message: `${user.username} may not ${what}`,
    remedy: 'ask an administrator for the ClusterRole isthmus-editor, in that namespace',
  });

type ReadRequest = Required<JoinRequest>;

function readRequest(body: unknown): ReadRequest {
  const fields = isRecord(body) ? body : {};
  const text = (name: string): string => textAt(fields, name).trim();
  const name = text('name');
  const namespace = text('namespace') || 'default';
  const serviceAccount = text('serviceAccount') || name;
  if (!isObjectName(name)) throw badRequest(`"${name}" is no name for a machine`);
  if (!isNamespaceName(namespace)) throw badRequest(`"${namespace}" is no namespace`);
  if (!isObjectName(serviceAccount)) throw badRequest(`"${serviceAccount}" is no service account`);
  const seconds = fields['ttlSeconds'] ?? TTL_SECONDS.default;
  const isTtl =
    typeof seconds === 'number' && seconds >= TTL_SECONDS.min && seconds <= TTL_SECONDS.max;
  if (!isTtl) {
    throw badRequest(`ttlSeconds must be from ${TTL_SECONDS.min} to ${TTL_SECONDS.max}`);
  }
  return {
    name,
    namespace,
    serviceAccount,
    service: text('service'),
    ports: textsAt(fields, 'ports'),
    network: text('network'),
    ttlSeconds: seconds,
    address: text('address'),
    gateway: readGateway(text('gateway')),
  };
}

const DNS_NAME = /^(?=.{1,253}$)(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})+$/i;

function readGateway(text: string): string {
  if (text === '') return '';
  const address = canonicalIp(text);
  if (address !== undefined) return address;
  if (DNS_NAME.test(text) && !/\.\d+$/.test(text)) return text.toLowerCase();
  throw badRequest(`gateway "${text}" is neither an IP address nor a DNS name`);
}

/** A machine without a service of its own goes by its own name. */
function enrolmentOf(request: ReadRequest): Enrolment {
  const { name, namespace, service, serviceAccount, network } = request;
  const [short = '', within = namespace] = service.split('.');
  if (within !== namespace) throw badRequest(`the service ${service} is not in ${namespace}`);
  if (service === '' && request.ports.length > 0) throw badRequest('ports belong to a service');
  if (service !== '' && request.ports.length === 0) throw badRequest('a service has ports');
  const workload = parseName(short || name);
  const ports = request.ports.map(portWord);
  return { name, workload, namespace, ports, serviceAccount, network };
}

/** `tcp-postgres:5432`, as Services have it, is `5432:tcp-postgres` to `isthmus register`. */
function portWord(text: string): string {
  const [, name, port] = /^([a-z0-9-]*[a-z-][a-z0-9-]*):(\d+)$/.exec(text.trim()) ?? [];
  return name === undefined ? text.trim() : `${port}:${name}`;
}
