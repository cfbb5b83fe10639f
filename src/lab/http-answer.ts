// Reads an HTTP/1.1 answer that was taken whole from a connection which then closed. Pure.

export type HttpAnswer = {
  /** 0 when it is no HTTP answer. */
  readonly status: number;
  readonly statusLine: string;
  readonly body: string;
};

export function parseHttpAnswer(text: string): HttpAnswer {
  const end = text.indexOf('\r\n\r\n');
  const head = end < 0 ? text : text.slice(0, end);
  const [statusLine = '', ...headers] = head.split('\r\n');
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1] ?? 0);
  const raw = end < 0 ? '' : text.slice(end + 4);
  const isChunked = headers.some((line) => /^transfer-encoding: *chunked$/i.test(line));
  return { status, statusLine, body: isChunked ? joinChunks(Buffer.from(raw)) : raw };
}

/** RFC 9112 §7.1. The sizes count bytes; a chunk cut off at the end counts as far as it goes. */
function joinChunks(bytes: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (lineEnd < 0 || !(size > 0)) break;
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
  return Buffer.concat(parts).toString();
}
