// The log of a Pod's container, as the kubelet keeps it.
import type { RequestOptions } from './client.ts';
import type { ObjectRef } from './objects.ts';
import { POD, resourcePath } from './resources.ts';
import type { KubeTransport } from './transport.ts';

export type LogOptions = RequestOptions & {
  /** Default: the Pod's only one, or the one that an annotation names. */
  readonly container?: string;
  readonly tailLines?: number;
  readonly follow?: boolean;
};

/** A longer line comes in pieces. */
const LINE_LENGTH_MAX = 64 << 10;

export const logVerb = (transport: KubeTransport) => ({
  podLog: (ref: ObjectRef, options: LogOptions): AsyncGenerator<string, void, undefined> => {
    const { container, tailLines, follow = false, signal } = options;
    const query = new URLSearchParams({
      ...(container !== undefined && { container }),
      ...(tailLines !== undefined && { tailLines: String(tailLines) }),
      ...(follow && { follow: 'true' }),
    });
    const path = `${resourcePath(POD, ref)}/log?${query.toString()}`;
    return transport.stream({ method: 'GET', path, isRepeatable: true, signal }, textLines);
  },
});

/** Lines of a text of whatever length; the last one also without its newline. */
export async function* textLines(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length > LINE_LENGTH_MAX) {
      yield rest;
      rest = '';
    }
  }
  if (rest !== '') yield rest;
}
