// Asking nodes. This server shows its client certificate; a node's own is not checked, as in
// Kubernetes when nobody gave the nodes certificates of a known authority.
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '#base/clock.ts';
import { withDeadline } from '#base/clock.ts';
import type { KeyPair } from '../pki/authority.ts';
import { StatusError } from '../status.ts';
import type { NodeAddress } from './node-target.ts';

const CONNECT_MS = 10_000;
const PROBE_AFTER_MS = 30_000;

export interface NodeClient {
  /** The node's answer to a GET, its body still to be read. @throws StatusError */
  get(node: NodeAddress, path: string): Promise<IncomingMessage>;
  /** A connection on which nothing was said yet. @throws StatusError */
  connect(node: NodeAddress): Promise<TLSSocket>;
}

export function createNodeClient(parts: {
  readonly client: KeyPair;
  readonly clock: Clock;
}): NodeClient {
  const { client, clock } = parts;
  const tls = {
    cert: client.certificatePem,
    key: client.keyPem,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
  } as const;
  const within = <T>(node: NodeAddress, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const what = `node ${node.node}`;
    return withDeadline({ what, limitMs: CONNECT_MS, clock }, work).catch((error: unknown) => {
      throw unreachable(node, error);
    });
  };
  return {
    get: (node, path) =>
      within(node, (signal) => {
        const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
        const { host, port } = node;
        const outgoing = request({ ...tls, host, port, path, agent: false }, resolve);
        // Only waiting for the answer has a limit: what is followed may go on for hours.
        const giveUp = (): void => void outgoing.destroy(new Error('no answer'));
        signal.addEventListener('abort', giveUp, { once: true });
        outgoing.once('response', () => signal.removeEventListener('abort', giveUp));
        outgoing.once('error', reject);
        outgoing.end();
        return promise;
      }),
    connect: (node) =>
      within(node, (signal) => {
        const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
        const { host, port } = node;
        const socket = connect({ ...tls, host, port, ALPNProtocols: ['http/1.1'] });
        socket.setKeepAlive(true, PROBE_AFTER_MS);
        const giveUp = (): void => void socket.destroy(new Error('no answer'));
        signal.addEventListener('abort', giveUp, { once: true });
        socket.once('secureConnect', () => {
          signal.removeEventListener('abort', giveUp);
          resolve(socket);
        });
        socket.once('error', reject);
        return promise;
      }),
  };
}

function unreachable({ node, host, port }: NodeAddress, error: unknown): StatusError {
  const why = error instanceof Error ? error.message : String(error);
  const message = `node ${node} does not answer at ${host}:${port}: ${why}`;
  return new StatusError(500, 'InternalError', message, { cause: error });
}
