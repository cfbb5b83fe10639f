// Server-sent events, read from an answer's body.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
import type { ApiEvent } from './client.ts';

/** Of one event; a snapshot of a large mesh has a few megabytes, an event some kilobytes. */
const EVENT_CHARACTERS_MAX = 16 << 20;

/** Those whose data is no JSON are left out, as are comments. */
export async function* readEvents(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<ApiEvent, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    if (rest.length > EVENT_CHARACTERS_MAX) throw new Error('an event is too long');
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = parseEvent(block);
      if (event) yield event;
    }
  }
}

function parseEvent(block: string): ApiEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const [, name = '', value = ''] = /^([^:]+): ?(.*)$/.exec(line) ?? [];
    const before = name === 'data' ? fields.get(name) : undefined;
    fields.set(name, before === undefined ? value : `${before}\n${value}`);
  }
  const data = fields.get('data');
  if (data === undefined) return undefined;
  try {
    const type = fields.get('event') ?? 'message';
    return { type, id: fields.get('id') ?? '', data: JSON.parse(data) };
  } catch {
    return undefined; // no event of ours
  }
}
