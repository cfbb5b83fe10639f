// What a pod's node answers for it: its logs, and connections into it.
import type { IncomingMessage } from 'node:http';
import type { ApiResponse, ByteSink, ByteSource } from '../http/message.ts';
import type { SpecialContext, Subresource } from '../http/special.ts';
import { badRequest, StatusError } from '../status.ts';
import type { NodeClient } from './node-client.ts';
import {
  containerOf,
  findPod,
  logPath,
  nodeOf,
  portForwardPath,
  streamPath,
} from './node-target.ts';
import type { NodeAddress } from './node-target.ts';
import { openTunnel } from './tunnel.ts';

export function podStreams(nodes: NodeClient): readonly Subresource[] {
  return [
    {
      ...podSubresource('log', 'Pod', ['get']),
      handle: ({ backend, info, request }) => {
        const pod = findPod(backend.store, info.namespace, info.name);
        const container = containerOf(pod, request.query.get('container') ?? '');
        const path = logPath(pod, container, request.query);
        return readLog(nodes, nodeOf(backend.store, pod), path);
      },
    },
    ...(['exec', 'attach'] as const).map((verb) => ({
      ...podSubresource(verb, verb === 'exec' ? 'PodExecOptions' : 'PodAttachOptions'),
      handle: ({ backend, info, request }: SpecialContext) => {
        const { query } = request;
        if (verb === 'exec' && !query.has('command')) {
          throw badRequest('you must specify at least 1 command for the container');
        }
        const pod = findPod(backend.store, info.namespace, info.name);
        const container = containerOf(pod, query.get('container') ?? '');
        const path = streamPath(verb, { pod, container }, query);
        return tunnel(nodes, nodeOf(backend.store, pod), path);
      },
    })),
    {
      ...podSubresource('portforward', 'PodPortForwardOptions'),
      handle: ({ backend, info, request }) => {
        const pod = findPod(backend.store, info.namespace, info.name);
        return tunnel(nodes, nodeOf(backend.store, pod), portForwardPath(pod, request.query));
      },
    },
  ];
}

function podSubresource(name: string, kind: string, verbs: readonly string[] = ['get', 'create']) {
  return { parent: 'pods', name, kind, group: '', version: 'v1', verbs };
}

function tunnel(nodes: NodeClient, node: NodeAddress, path: string): ApiResponse {
  return {
    kind: 'tunnel',
    status: 101,
    headers: {},
    open: (client) => openTunnel(client, nodes, { node, path }),
  };
}

const ERROR_BYTES_MAX = 4_096;

async function readLog(nodes: NodeClient, node: NodeAddress, path: string): Promise<ApiResponse> {
  const answer = await nodes.get(node, path);
  const { statusCode = 500 } = answer;
  if (statusCode !== 200) throw await nodeRefusal(answer, statusCode);
  return {
    kind: 'stream',
    status: 200,
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    start: (sink) => passOn(answer, sink),
  };
}

/** As fast as the client reads, and no faster. */
function passOn(answer: IncomingMessage, sink: ByteSink): ByteSource {
  answer.pause();
  answer.on('data', (chunk: Uint8Array) => {
    if (!sink.write(chunk)) answer.pause();
  });
  answer.once('close', () => sink.end());
  answer.once('error', () => sink.end());
  return {
    onDrain: () => void answer.resume(),
    onClose: () => void answer.destroy(),
  };
}

async function nodeRefusal(answer: IncomingMessage, code: number): Promise<StatusError> {
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > ERROR_BYTES_MAX) break;
  }
  const message = text.slice(0, ERROR_BYTES_MAX).trim() || `the node answered ${code}`;
  const reason = { 400: 'BadRequest', 403: 'Forbidden', 404: 'NotFound' }[code] ?? 'InternalError';
  return new StatusError(code < 400 ? 500 : code, reason, message);
}
