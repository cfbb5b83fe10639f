// A stream of server-sent events for as long as a component needs it, begun anew when it breaks.
import { useEffect, useEffectEvent, useState } from 'react';
import { ApiError, problemFrom, request } from '../api/client.ts';
import { readEvents, type SseMessage } from '../api/sse.ts';
import type { ApiProblem } from '../api/types.ts';
import { sleep } from '../base/clock.ts';

export type StreamState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open' }
  /** It has ended by itself: that was all. */
  | { readonly kind: 'ended' }
  /** It is tried again, unless the answer was a refusal. */
  | { readonly kind: 'lost'; readonly problem: ApiProblem };

const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;

export type StreamOptions<T> = {
  /** Of the events that count. */
  readonly type: string;
  readonly isEndless: boolean;
  readonly onItems: (items: readonly T[]) => void;
};

/**
 * Follows `path` (null: nothing) and hands over parsed `data` of events of that type, in bundles.
 * A stream that ends is begun anew when it `isEndless`.
 */
export function useStream<T>(path: string | null, options: StreamOptions<T>): StreamState {
  const { type, isEndless } = options;
  const [state, setState] = useState<StreamState>({ kind: 'connecting' });
  const onItems = useEffectEvent(options.onItems);
  useEffect(() => {
    if (path === null) return undefined;
    const control = new AbortController();
    void follow({
      path,
      isEndless,
      signal: control.signal,
      onState: setState,
      onMessages: (messages) => {
        const items = messages.filter(({ event }) => event === type).flatMap(parsed<T>);
        if (items.length > 0) onItems(items);
      },
    });
    return () => control.abort();
  }, [path, type, isEndless]);
  return state;
}

type Following = {
  readonly path: string;
  readonly isEndless: boolean;
  readonly signal: AbortSignal;
  readonly onState: (state: StreamState) => void;
  readonly onMessages: (messages: readonly SseMessage[]) => void;
};

async function follow({ path, isEndless, signal, onState, onMessages }: Following): Promise<void> {
  onState({ kind: 'connecting' });
  let delayMs = RETRY_FIRST_MS;
  while (!signal.aborted) {
    try {
      const headers = { Accept: 'text/event-stream' };
      const response = await request(path, { signal, headers });
      onState({ kind: 'open' });
      delayMs = RETRY_FIRST_MS;
      await readEvents(response, { onAlive: () => undefined, onMessages });
      if (signal.aborted) return;
      if (!isEndless) return onState({ kind: 'ended' });
      onState({ kind: 'connecting' });
    } catch (error) {
      if (signal.aborted) return;
      onState({ kind: 'lost', problem: problemFrom(error) });
      const isRefusal = error instanceof ApiError && error.status >= 400 && error.status < 500;
      if (isRefusal && error.status !== 429) return;
    }
    await sleep(delayMs, signal);
    delayMs = Math.min(delayMs * 2, RETRY_MAX_MS);
  }
}

/** Half an event is dropped: the next one says more. */
function parsed<T>({ data }: SseMessage): T[] {
  try {
    return [JSON.parse(data) as T];
  } catch {
    return [];
  }
}
