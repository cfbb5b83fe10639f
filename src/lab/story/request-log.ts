// One request as both of its proxies have written it down. Pure.
import type { Check } from './checks.ts';

/** A line of Istio's access log, of which `-` stands for what there is not. */
export type RequestLine = {
  readonly text: string;
  readonly method: string;
  readonly status: string;
  readonly requestId: string;
  readonly cluster: string;
};

const WORD = /\[[^\]]*\]|"[^"]*"|\S+/g;
/** In Istio's format of today there are 22, in the story's of 2019 21: they differ in the middle. */
const WORDS_MIN = 21;

/** The requests in a proxy's output, whatever else is in it. */
export function requestLines(output: string): readonly RequestLine[] {
  return output.split('\n').flatMap((line) => {
    const text = line.trim();
    const words = text.match(WORD) ?? [];
    const method = /^"([A-Z]+) /.exec(words[1] ?? '')?.[1];
    if (words.length < WORDS_MIN || method === undefined) return [];
    const [requestId = '', , , cluster = ''] = words.slice(-9);
    const [, , status = ''] = words;
    return { text, method, status, requestId: requestId.replaceAll('"', ''), cluster };
  });
}

export type RequestPair = { readonly client: RequestLine; readonly server: RequestLine };

/** The last request of the client's that the server has written down as well. */
export function pairOf(
  client: readonly RequestLine[],
  server: readonly RequestLine[],
): RequestPair | undefined {
  for (const sent of client.toReversed()) {
    const taken = server.find(({ requestId }) => requestId === sent.requestId);
    if (taken && taken !== sent) return { client: sent, server: taken };
  }
  return undefined;
}

/** Both proxies saw a request for what it is: one chose the service, the other the port. */
export function judgeRequest({ client, server }: RequestPair): Check {
  const isRouted = client.cluster.startsWith('outbound|80||');
  const isTaken = server.cluster.startsWith('inbound|') && server.status === client.status;
  const ok = isRouted && isTaken;
  const says = ok
    ? `${client.method} ${client.status} to ${client.cluster}, in the logs of both proxies`
    : `sent to ${client.cluster} (${client.status}), taken by ${server.cluster} (${server.status})`;
  const figures = { clientLine: client.text, serverLine: server.text };
  return { name: 'request', ok, says, figures };
}
