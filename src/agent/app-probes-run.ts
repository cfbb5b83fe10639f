// Asks the application what kubelet wants to know, on the Pod's own address: such a connection
// stays within the machine and is not captured.
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { assertNever } from '#base/assert-never.ts';
import { withDeadline, type Clock } from '#base/clock.ts';
import { connectGrpc } from '#grpc/client.ts';
import type { AppProbe, AppProbes } from './app-probes.ts';
import { answer, type HttpHandler } from './http-server.ts';

export type AppProbeOptions = {
  readonly probes: AppProbes;
  /** The Pod's own address. */
  readonly ip: string;
  readonly clock: Clock;
};

export type ProbeResult = { readonly status: number; readonly text: string };

/** Istio's limit of what is passed on of an application's answer. */
const TEXT_BYTES_MAX = 10 << 10;
const OK = 200;
const FAILED = 500;

/** Answers paths under `/app-health/`; all else is `next`'s. */
export function createAppProbeHandler(options: AppProbeOptions, next: HttpHandler): HttpHandler {
  return async (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url?.split('?')[0] ?? '';
    const probe = options.probes.get(path);
    if (!probe) return next(request, response);
    const agent = request.headers['user-agent'] ?? 'isthmus-probe/1.0';
    const { status, text } = await probeApp(probe, { ...options, agent });
    answer(response, status, text);
  };
}

/** The application's own answer, or 500 with the reason why there is none in time. */
export async function probeApp(
  { action, timeoutMs }: AppProbe,
  options: Omit<AppProbeOptions, 'probes'> & { readonly agent: string },
): Promise<ProbeResult> {
  const { ip, clock } = options;
  const limits = { what: 'its answer', limitMs: timeoutMs, clock };
  try {
    return await withDeadline(limits, async (signal) => {
      try {
        return await ask(action, { ...options, signal });
      } catch (error) {
        signal.throwIfAborted(); // the deadline says more than what it broke off
        throw error;
      }
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { status: FAILED, text: `the application on ${ip}:${action.port}: ${reason}\n` };
  }
}

function ask(action: AppProbe['action'], target: Target): Promise<ProbeResult> {
  switch (action.kind) {
    case 'http':
      return askHttp(action, target);
    case 'tcp':
      return askTcp(action, target);
    case 'grpc':
      return askGrpc(action, target);
    default:
      return assertNever(action);
  }
}

type Target = { readonly ip: string; readonly agent: string; readonly signal: AbortSignal };
type Action<Kind> = Extract<AppProbe['action'], { readonly kind: Kind }>;

function askHttp(action: Action<'http'>, { ip, agent, signal }: Target): Promise<ProbeResult> {
  const { port, path, scheme, headers } = action;
  const own = ['host', 'user-agent'].filter(
    (name) => !headers.some(([one]) => one.toLowerCase() === name),
  );
  const host = ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
  const defaults: Readonly<Record<string, string>> = { host, 'user-agent': agent };
  const lines = [...own.map((name) => [name, defaults[name] ?? ''] as const), ...headers];
  const options = { host: ip, port, path, headers: lines.flat(), agent: false, signal } as const;
  const { promise, resolve, reject } = Promise.withResolvers<ProbeResult>();
  // As kubelet does it, the certificate is not verified: it says nothing about being alive.
  const request =
    scheme === 'https'
      ? httpsRequest({ ...options, rejectUnauthorized: false })
      : httpRequest(options);
  request.on('error', reject);
  request.on('response', (response) => {
    readSome(response).then((text) => {
      resolve({ status: response.statusCode ?? FAILED, text });
      request.destroy();
    }, reject);
  });
  request.end();
  return promise;
}

async function readSome(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length >= TEXT_BYTES_MAX) break;
  }
  return text.slice(0, TEXT_BYTES_MAX);
}

/** Whoever takes the connection is alive. */
function askTcp({ port }: Action<'tcp'>, { ip, signal }: Target): Promise<ProbeResult> {
  const { promise, resolve, reject } = Promise.withResolvers<ProbeResult>();
  const socket = connect({ host: ip, port });
  const giveUp = (): void => void socket.destroy(toError(signal.reason));
  signal.addEventListener('abort', giveUp, { once: true });
  socket.on('error', reject);
  socket.on('connect', () => resolve({ status: OK, text: 'connected\n' }));
  return promise.finally(() => {
    signal.removeEventListener('abort', giveUp);
    socket.destroy();
  });
}

const toError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error(String(reason));

/** https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
const HEALTH_CHECK = '/grpc.health.v1.Health/Check';

async function askGrpc(
  { port, service }: Action<'grpc'>,
  { ip, signal }: Target,
): Promise<ProbeResult> {
  await using channel = connectGrpc({ target: { host: ip, port } });
  const reply = await channel.unary(HEALTH_CHECK, encodeRequest(service), { signal });
  const isServing = reply[0] === STATUS_FIELD && reply[1] === SERVING;
  return isServing
    ? { status: OK, text: 'SERVING\n' }
    : { status: FAILED, text: `the service "${service}" is not SERVING\n` };
}

/** HealthCheckResponse is one enum in field 1; the default UNKNOWN is left out of the bytes. */
const STATUS_FIELD = 0x08;
const SERVING = 1;
/** Longest name whose length is one byte, as protobuf writes it; Kubernetes' names are shorter. */
const SERVICE_BYTES_MAX = 127;

/** HealthCheckRequest: the service's name in field 1. */
function encodeRequest(service: string): Uint8Array {
  const name = Buffer.from(service).subarray(0, SERVICE_BYTES_MAX);
  return name.length === 0 ? new Uint8Array() : Buffer.from([0x0a, name.length, ...name]);
}
