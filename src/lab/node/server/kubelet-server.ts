// The kubelet endpoint: what the API server asks a node for when somebody types `kubectl logs`,
// `exec` or `port-forward`. HTTPS; only the API server is let in, by its client certificate.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { PodTable } from '../pod-table.ts';
import { parseLogRequest } from '../container/log-request.ts';
import { isAllowed } from './allowed-client.ts';
import { EXEC_PROTOCOLS, parseExecRequest } from './exec-request.ts';
import { serveExec } from './exec.ts';
import { serveLog } from './logs.ts';
import { FORWARD_PROTOCOLS, servePortForward } from './port-forward.ts';
import { createServingCertificate } from './serving-certificate.ts';
import { chooseProtocol, handshakeProblem, refuseUpgrade, WebSocket } from './websocket.ts';

export type KubeletServerOptions = {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Who signs the API server's client certificate. */
  readonly clientAuthorityPem: string;
  readonly pods: Pick<PodTable, 'find'>;
  /** For sockets between its processes. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Logger;
};

/** What a request that cannot be served is answered with. */
class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

const notFound = (message: string): Refusal => new Refusal(404, 'Not Found', message);
const badRequest = (message: string): Refusal => new Refusal(400, 'Bad Request', message);

export class KubeletServer implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Duplex>;
  readonly #tasks: ReadonlySet<Promise<void>>;

  private constructor(parts: {
    readonly server: Server;
    readonly sockets: ReadonlySet<Duplex>;
    readonly tasks: ReadonlySet<Promise<void>>;
  }) {
    const { server } = parts;
    this.#server = server;
    this.#sockets = parts.sockets;
    this.#tasks = parts.tasks;
    const address = server.address();
    this.port = typeof address === 'object' && address ? address.port : 0;
  }

  /** @throws OperatorError ADDRESS_IN_USE */
  static async open(options: KubeletServerOptions): Promise<KubeletServer> {
    const { host, port, clientAuthorityPem, clock, log } = options;
    const { certificatePem, keyPem } = createServingCertificate(host, clock.nowMs());
    const server = createServer({
      cert: certificatePem,
      key: keyPem,
      ca: clientAuthorityPem,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
    });
    const sockets = new Set<Duplex>();
    const tasks = new Set<Promise<void>>();
    const work = (task: Promise<void>): void => {
      const settled = task
        .catch((error: unknown) => {
          log.error('a request failed', { why: error instanceof Error ? error.stack : '' });
        })
        .finally(() => tasks.delete(settled));
      tasks.add(settled);
    };
    server.on('request', (request, response) => work(answer(options, request, response)));
    server.on('upgrade', (request, socket, head) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      work(upgrade(options, request, socket, head));
    });
    server.on('tlsClientError', (error) =>
      log.debug('a client was not let in', { why: error.message }),
    );
    try {
      server.listen(port, host);
      await once(server, 'listening');
    } catch (cause) {
      throw new OperatorError('ADDRESS_IN_USE', `cannot listen on ${host}:${port}`, {
        remedy: 'end what listens there, or give another port',
        cause,
      });
    }
    return new KubeletServer({ server, sockets, tasks });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    await Promise.all(this.#tasks);
  }
}

/** The parts of a path that names a container or a Pod, and what is asked of it. */
type Target = {
  readonly verb: string;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly query: URLSearchParams;
};

function targetOf({ url = '/' }: IncomingMessage): Target {
  const { pathname, searchParams: query } = new URL(url, 'https://kubelet');
  const parts = pathname.split('/').slice(1).map(decodeURIComponent);
  const [verb = '', namespace = '', pod = '', container = ''] = parts;
  return { verb, namespace, pod, container, query };
}

function assertAllowed({ socket }: IncomingMessage): void {
  if (socket instanceof TLSSocket && isAllowed(socket.getPeerCertificate())) return;
  throw new Refusal(403, 'Forbidden', 'only the API server may ask this node');
}

async function answer(
  options: KubeletServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    assertAllowed(request);
    const target = targetOf(request);
    if (target.verb === 'healthz') {
      response.end('ok');
      return;
    }
    if (target.verb !== 'containerLogs') throw notFound('404 page not found');
    await answerLog(options, target, response);
  } catch (error) {
    const { status, message } = refusalOf(error);
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(message);
  }
}

async function answerLog(
  { pods, clock }: KubeletServerOptions,
  target: Target,
  response: ServerResponse,
): Promise<void> {
  const request = parseLogRequest(target.query, clock.nowMs());
  const { container, namespace, pod } = target;
  const runner = findPod(pods, target).runner(container);
  if (!runner) throw badRequest(`container ${container} is not valid for pod ${pod}`);
  const log = runner.log(request.isPrevious ? 'previous' : 'current');
  if (log) return await serveLog(response, log, request);
  const name = `container "${container}" in pod "${pod}"`;
  if (request.isPrevious) {
    const id = `${namespace}/${pod}`;
    throw badRequest(`previous terminated ${name} not found (${id})`);
  }
  const { state } = runner.record;
  const why = state.kind === 'waiting' ? (state.message ?? state.reason) : '';
  throw badRequest(`${name} is waiting to start: ${why}`);
}

/** Output goes to the log and nowhere else. Without a colon: kubectl would take it for YAML. */
const NO_ATTACH = "the lab's node does not serve attach; follow the output with kubectl logs -f";

async function upgrade(
  options: KubeletServerOptions,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  socket.on('error', () => undefined); // its end is what counts
  try {
    assertAllowed(request);
    const target = targetOf(request);
    if (target.verb === 'attach') throw badRequest(NO_ATTACH);
    const problem = handshakeProblem(request);
    if (problem !== undefined) throw badRequest(problem);
    const accept = (protocols: readonly string[]): WebSocket => {
      const protocol = chooseProtocol(request, protocols);
      if (protocol === undefined) throw badRequest(`spoken here: ${protocols.join(', ')}`);
      return WebSocket.accept(request, socket, head, protocol);
    };
    if (target.verb === 'exec') await upgradeExec(options, target, accept);
    else if (target.verb === 'portForward') {
      await upgradeForward(options, target, accept);
    } else throw notFound('404 page not found');
  } catch (error) {
    const { status, reason, message } = refusalOf(error);
    refuseUpgrade(socket, status, reason, message);
  }
}

async function upgradeExec(
  { pods }: KubeletServerOptions,
  target: Target,
  accept: (protocols: readonly string[]) => WebSocket,
): Promise<void> {
  const request = parseExecRequest(target.query);
  if (!request) throw badRequest('you must specify at least 1 command');
  const { container, pod } = target;
  const runner = findPod(pods, target).runner(container);
  if (!runner) throw notFound(`container ${container} not found in pod ${pod}`);
  const { execTarget } = runner;
  if (!execTarget)
    throw badRequest(`unable to upgrade connection: container not found ("${container}")`);
  await serveExec(accept(EXEC_PROTOCOLS), execTarget, request);
}

async function upgradeForward(
  { pods, folder }: KubeletServerOptions,
  target: Target,
  accept: (protocols: readonly string[]) => WebSocket,
): Promise<void> {
  const worker = findPod(pods, target);
  if (worker.address === undefined) throw badRequest('the Pod has no network (any more)');
  await servePortForward(accept(FORWARD_PROTOCOLS), { uid: worker.pod.uid, folder });
}

function findPod(pods: Pick<PodTable, 'find'>, { namespace, pod }: Target) {
  const worker = pods.find(namespace, pod);
  if (worker) return worker;
  throw notFound(`pod "${pod}" not found on this node`);
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof OperatorError) return badRequest(error.message);
  if (error instanceof URIError) return badRequest('the path is not well formed');
  throw error;
}
