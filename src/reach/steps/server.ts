// Steps 10 and 11: does the server's machine deliver to a program, and does that answer?
import { hostPort } from '#resolve/names.ts';
import { lastFailure, notDelivered, wasAnswered } from '../evidence.ts';
import type { Answers, Connect } from '../evidence.ts';
import { ago, failed, fix, nameOf, passed, unknown } from '../step.ts';
import type { Finding } from '../step.ts';
import type { ServerEnd, Walk } from '../walk.ts';

export function portStep(walk: Walk): Finding {
  const { evidence, server } = walk;
  if (server === undefined) return unknown('configured', 'who is there is not known');
  const { workload } = server;
  if (workload === undefined) {
    return passed('configured', `${hostPort(server.endpoint)} is no workload of the mesh`);
  }
  const capture = evidence.answers['server-capture'] ?? evidence.server?.agent?.capture;
  const isPublished = (server.known?.tlsMode ?? workload.tlsMode) === 'istio';
  if (isPublished && capture?.state === 'failed') {
    const summary = `capture on ${workload.name} does not work: ${capture.reason || 'no reason'}`;
    const command = `isthmus logs ${workload.name}`;
    return failed('observed', summary, { fix: fix('its agent says why', { command }) });
  }
  const [rejected] = evidence.server?.rejections ?? [];
  if (rejected) {
    const summary = `Envoy beside ${workload.name} refuses ${rejected.name}: ${rejected.text}`;
    return failed('observed', summary);
  }
  const { sockets } = evidence.answers;
  if (sockets) return ofSockets(server, sockets);
  const failure = notDelivered(evidence);
  if (failure) {
    const when = ago(failure.atMs, evidence.nowMs);
    const summary = `the proxy of ${nameOf(workload)} could not connect to ${delivery(server)} ${when}`;
    const command = `ss -ltnp 'sport = :${portOf(server)}'`;
    return failed('observed', summary, {
      fix: fix('see whether a program listens there', { command }),
    });
  }
  if (wasAnswered(evidence) && evidence.flow) {
    const when = ago(evidence.flow.answeredMs, evidence.nowMs);
    return passed('observed', `a program answered there ${when}`);
  }
  const problem = evidence.answers.problems?.sockets;
  const where = delivery(server);
  return unknown('configured', `whether a program listens on ${where} is not known`, {
    evidence: problem === undefined ? [] : [problem],
  });
}

type Sockets = NonNullable<Answers['sockets']>;

/** Where the server's proxy hands connections to. */
function delivery(server: ServerEnd): string {
  const { endpoint, port } = server;
  return hostPort({ address: port?.deliverAddress ?? endpoint.address, port: portOf(server) });
}

const portOf = ({ endpoint, known, port }: ServerEnd): number =>
  port?.deliverPort ?? known?.port ?? endpoint.port;

function ofSockets(server: ServerEnd, sockets: Sockets): Finding {
  const { endpoint, port, workload } = server;
  const number = portOf(server);
  const wanted = port?.deliverAddress ?? endpoint.address;
  const there = sockets.filter((socket) => socket.port === number);
  const heard = there.find(({ address }) => hears(address, wanted));
  const name = workload ? nameOf(workload) : wanted;
  if (heard) {
    const program = heard.program === '' ? 'a program' : heard.program;
    return passed('probed', `${program} listens on ${hostPort(heard)}`);
  }
  const [other] = there;
  if (other) {
    const program = other.program === '' ? 'a program' : other.program;
    const summary =
      `${program} listens on ${hostPort(other)} only, ` +
      `and the proxy of ${name} delivers to ${hostPort({ address: wanted, port: number })}`;
    const mend = fix(`let it listen on ${wanted}, or on every address`, {
      command: `ss -ltnp 'sport = :${number}'`,
    });
    return failed('probed', summary, { fix: mend });
  }
  const own = sockets
    .filter(({ program }) => program !== 'envoy' && program !== 'isthmus')
    .map((socket) => `${socket.program || 'a program'} on ${hostPort(socket)}`)
    .slice(0, 10);
  const summary = `nothing listens on port ${number} of ${name}: connections to it are refused`;
  const command = `ss -ltnp 'sport = :${number}'`;
  return failed('probed', summary, {
    evidence: own.length > 0 ? [`there are ${own.join(', ')}`] : [],
    fix: fix(`start what is to listen on ${number}`, { command }),
  });
}

/** Does whoever listens on one address hear connections to another? */
function hears(listening: string, wanted: string): boolean {
  if (listening === wanted || listening === '::') return true;
  if (listening === '0.0.0.0' || listening === '*') return !wanted.includes(':');
  return listening === `::ffff:${wanted}`;
}

export function applicationStep(walk: Walk): Finding {
  const { evidence, question } = walk;
  const { through } = evidence.answers;
  const seen =
    wasAnswered(evidence) && evidence.flow
      ? passed('observed', `it answered ${ago(evidence.flow.answeredMs, evidence.nowMs)}`)
      : undefined;
  const tried = through && through.outcome !== 'failed' ? ofAnswer(walk, through) : undefined;
  // a made-up user is refused where yours is not, and a probe's silence is outweighed by an answer
  if (tried && seen && isUncertain(tried)) return { ...seen, evidence: [tried.summary] };
  if (tried) return tried;
  if (seen) return seen;
  const failure = lastFailure(evidence);
  const problem = evidence.answers.problems?.through;
  const summary = `nothing of ${question.name} was heard lately; a probe would tell`;
  return unknown('configured', summary, {
    evidence: [
      ...(problem === undefined ? [] : [problem]),
      ...(failure ? [`${ago(failure.atMs, evidence.nowMs)}: ${failure.text}`] : []),
    ],
  });
}

function ofAnswer({ question, port }: Walk, probe: Connect): Finding {
  const where = `${question.name}:${port}`;
  const { application, outcome, reason } = probe;
  if (outcome !== 'connected') {
    const summary = `connect to ${where} through the mesh: ${outcome.replace('-', ' ')}`;
    return failed('probed', summary, { evidence: reason === '' ? [] : [reason] });
  }
  if (application === undefined) {
    return passed('probed', `${where} takes connections; what it speaks was not asked`);
  }
  switch (application.kind) {
    case 'closed': {
      const summary = `${where} takes the connection and closes it without a word`;
      return failed('probed', summary, { evidence: detailOf(application.detail) });
    }
    case 'silent': {
      const summary = `${where} takes the connection and says nothing`;
      return unknown('probed', summary, { evidence: detailOf(application.detail) });
    }
    case 'postgres':
      return ofPostgres(where, application.detail);
    case 'http':
      return passed('probed', `${where} answers: ${application.detail}`);
    default:
      return passed('probed', `${where} answers, in another protocol than was tried`, {
        evidence: detailOf(application.detail),
      });
  }
}

/** Does the finding say more of the probe than of those who really call? */
const isUncertain = ({ verdict, summary }: Finding): boolean =>
  verdict === 'unknown' || (verdict === 'failed' && summary.includes(PROBE_USER));

const detailOf = (detail: string): readonly string[] => (detail === '' ? [] : [detail]);

/** As whom an agent's probe begins a session with PostgreSQL (agent/attend/postgres-probe.ts). */
const PROBE_USER = 'isthmus-probe';

/** PostgreSQL's own words for clients that it will not have. */
const POSTGRES_REFUSALS: readonly (readonly [RegExp, string])[] = [
  [
    /no pg_hba\.conf entry/,
    "add a line for the proxy's address (127.0.0.1 on a VM) to pg_hba.conf",
  ],
  [/too many (clients|connections)/, 'raise max_connections, or let clients share a pool'],
  [/the database system is starting up/, 'wait until it has started'],
  [/the database system is (shutting down|in recovery)/, 'wait until it is up again'],
  [/password authentication failed/, "correct the client's password"],
];

function ofPostgres(where: string, detail: string): Finding {
  const [, remedy] = POSTGRES_REFUSALS.find(([pattern]) => pattern.test(detail)) ?? [];
  if (remedy !== undefined) {
    const isOfProbe = detail.includes(PROBE_USER);
    const notes = isOfProbe
      ? ['tried as a user of no account: a line for yours may let it in']
      : [];
    const summary = `PostgreSQL at ${where} refuses: ${detail}`;
    return failed('probed', summary, { evidence: notes, fix: fix(remedy) });
  }
  return passed('probed', `PostgreSQL answers at ${where}: ${detail}`);
}
