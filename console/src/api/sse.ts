// Server-sent events, read from a fetch: unlike EventSource this sees heartbeats, which are what
// tells a quiet feed from a lost one, and the status of a refusal.

export type SseMessage = {
  /** `message` when the server names none. */
  readonly event: string;
  readonly data: string;
  /** Empty: it has none. */
  readonly id: string;
};

/** What is kept of an event that is not complete: more is no event of ours. */
const BUFFER_MAX = 16 * 1024 * 1024;

/** Feeds on text in pieces of any size, and answers the events that are complete. */
export class SseParser {
  #rest = '';

  push(text: string): SseMessage[] {
    this.#rest += text;
    if (this.#rest.length > BUFFER_MAX) throw new Error('an event is larger than 16 MiB');
    // A \r at the end may be half of a \r\n: wait for the other half.
    const complete = this.#rest.endsWith('\r') ? this.#rest.slice(0, -1) : this.#rest;
    const blocks = complete.replaceAll('\r\n', '\n').replaceAll('\r', '\n').split('\n\n');
    const kept = blocks.pop() ?? '';
    if (blocks.length === 0) return [];
    this.#rest = kept + (this.#rest.endsWith('\r') ? '\r' : '');
    return blocks.map(messageOf).filter((message) => message !== undefined);
  }
}

function messageOf(block: string): SseMessage | undefined {
  let event = 'message';
  let id = '';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const [, field, value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (field === 'event') event = value;
    else if (field === 'id') id = value;
    else if (field === 'data') data.push(value);
  }
  return data.length > 0 ? { event, id, data: data.join('\n') } : undefined;
}

export type SseHandlers = {
  readonly onMessages: (messages: readonly SseMessage[]) => void;
  /** Bytes came, maybe only a heartbeat. */
  readonly onAlive: () => void;
};

/** Reads to the end of the stream; returns when the server closes it. */
export async function readEvents(response: Response, handlers: SseHandlers): Promise<void> {
  if (!response.body) return;
  const parser = new SseParser();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    handlers.onAlive();
    const messages = parser.push(value);
    if (messages.length > 0) handlers.onMessages(messages);
  }
}
