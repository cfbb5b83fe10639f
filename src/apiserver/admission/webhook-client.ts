// Asking a webhook over HTTPS. A webhook named by its Service is reached at one of the Service's
// endpoints, under the Service's name: this server needs no cluster DNS and no cluster IP.
import { Agent, request } from 'node:https';
import { isIP } from 'node:net';
import type { IncomingMessage } from 'node:http';
import type { Clock } from '#base/clock.ts';
import { withDeadline } from '#base/clock.ts';
import type { Json, JsonObject, KubeObject } from '../object.ts';
import { listAt, numberAt, objectAt, objectsAt, stringAt } from '../object.ts';
import type { Store } from '../store/store.ts';
import type { WebhookTarget } from './webhook.ts';

/** An answer is an object and a patch for it. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
const KEEP_ALIVE_MS = 30_000;

export interface WebhookClient extends Disposable {
  /** @throws Error with the reason in words when there is no answer */
  ask(target: WebhookTarget, question: JsonObject, timeoutMs: number): Promise<Json>;
}

type Dial = {
  readonly url: URL;
  /** The address to connect to, when it is not the URL's host. */
  readonly address?: { readonly host: string; readonly port: number };
};

export function createWebhookClient(parts: {
  readonly store: Store;
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive): chooses among a Service's endpoints. */
  readonly random: () => number;
}): WebhookClient {
  const { store, clock, random } = parts;
  const agent = new Agent({ keepAlive: true, timeout: KEEP_ALIVE_MS, maxSockets: 64 });
  return {
    async ask(target, question, timeoutMs) {
      const dial = dialOf(target, store, random);
      const what = `the webhook at ${dial.url.href}`;
      return withDeadline({ what, limitMs: timeoutMs, clock }, (signal) =>
        post(dial, { question, agent, signal, authorityPem: target.authorityPem }),
      );
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

function dialOf(target: WebhookTarget, store: Store, random: () => number): Dial {
  if (target.kind === 'url') return { url: new URL(target.url) };
  const { namespace, name, path, port } = target;
  const url = new URL(`https://${name}.${namespace}.svc:${port}`);
  url.pathname = path;
  const service = store.get({ resource: 'services', namespace, name });
  if (!service) throw new Error(`service ${JSON.stringify(name)} not found`);
  const portName = portNameOf(service, port);
  const addresses = endpointsOf(store, { namespace, name, portName });
  const address = addresses[Math.floor(random() * addresses.length)];
  if (!address) throw new Error(`no endpoints available for service ${JSON.stringify(name)}`);
  return { url, address };
}

function portNameOf(service: KubeObject, port: number): string {
  const ports = objectsAt(objectAt(service, 'spec'), 'ports');
  const found = ports.find((one) => numberAt(one, 'port') === port);
  if (!found) throw new Error(`service ${service.metadata.name} has no port ${port}`);
  return stringAt(found, 'name');
}

function endpointsOf(
  store: Store,
  { namespace, name, portName }: { namespace: string; name: string; portName: string },
): readonly { readonly host: string; readonly port: number }[] {
  const slices = store
    .list({ resource: 'endpointslices.discovery.k8s.io', namespace })
    .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name);
  return slices.flatMap((slice) => {
    const port = objectsAt(slice, 'ports').find((one) => stringAt(one, 'name') === portName);
    const number = port && numberAt(port, 'port');
    if (number === undefined) return [];
    return objectsAt(slice, 'endpoints')
      .filter((endpoint) => objectAt(endpoint, 'conditions')['ready'] !== false)
      .flatMap((endpoint) => {
        const [host] = listAt(endpoint, 'addresses');
        return typeof host === 'string' ? [{ host, port: number }] : [];
      });
  });
}

function post(
  { url, address }: Dial,
  parts: {
    readonly question: JsonObject;
    readonly agent: Agent;
    readonly signal: AbortSignal;
    readonly authorityPem: string;
  },
): Promise<Json> {
  const { question, agent, signal, authorityPem } = parts;
  const { promise, resolve, reject } = Promise.withResolvers<Json>();
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const outgoing = request(
    {
      method: 'POST',
      host: address?.host ?? host,
      port: address?.port ?? (url.port || 443),
      // RFC 6066 §3: an address is no server name; the certificate must name it all the same.
      ...(isIP(host) === 0 && { servername: host }),
      path: `${url.pathname}${url.search}`,
      headers: { host: url.host, 'content-type': 'application/json' },
      agent,
      signal,
      // Without an authority of its own a webhook is checked against those the machine trusts.
      ...(authorityPem !== '' && { ca: authorityPem }),
    },
    (response) => readAnswer(response).then(resolve, reject),
  );
  outgoing.once('error', (error) => reject(signal.aborted ? signal.reason : error));
  outgoing.end(JSON.stringify(question));
  return promise;
}

async function readAnswer(response: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    if (!(chunk instanceof Buffer)) continue;
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`the answer is longer than ${ANSWER_BYTES_MAX}`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  const { statusCode = 0 } = response;
  if (statusCode < 200 || statusCode > 299) {
    throw new Error(`it answered ${statusCode}: ${text.slice(0, 200)}`);
  }
  const value: Json = JSON.parse(text);
  return value;
}
