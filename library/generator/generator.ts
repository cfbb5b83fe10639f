// The generator: somebody gives the library a book every two seconds, as a reader would, through
// the front. A book that was not taken is offered again under its id, so none is added twice.
import { randomUUID } from 'node:crypto';
import { systemClock, type Clock } from '../shared/clock.ts';
import { backoffMs } from '../shared/delivery.ts';
import { call, serve } from '../shared/http.ts';
import {
  numberSetting,
  portSetting,
  urlSetting,
  type Environment,
  type RunningService,
} from '../shared/program.ts';
import { TITLES } from './titles.ts';

export type GeneratorConfig = {
  readonly port: number;
  readonly libraryUrl: string;
  readonly intervalMs: number;
};

/** @throws SettingError */
export function generatorConfig(env: Environment): GeneratorConfig {
  return {
    port: portSetting(env, 'PORT', 8080),
    libraryUrl: urlSetting(env, 'LIBRARY_URL'),
    intervalMs: numberSetting(env, 'INTERVAL_MS', { fallback: 2000, min: 10, max: 3_600_000 }),
  };
}

export type GeneratorParts = {
  readonly clock?: Clock;
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly random?: () => number;
};

export async function startGenerator(
  config: GeneratorConfig,
  { clock = systemClock, random = Math.random }: GeneratorParts = {},
): Promise<RunningService> {
  const http = await serve({ port: config.port, routes: {} });
  const stopping = new AbortController();
  const running = addBooks(config, { clock, random, signal: stopping.signal });
  return {
    url: http.url,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
      await http[Symbol.asyncDispose]();
    },
  };
}

async function addBooks(
  config: GeneratorConfig,
  parts: { readonly clock: Clock; readonly random: () => number; readonly signal: AbortSignal },
): Promise<void> {
  const { clock, random, signal } = parts;
  try {
    for (const [title, author, shelf] of endlessly(TITLES, random)) {
      const startedAtMs = clock.nowMs();
      const book = { id: randomUUID(), title, author, shelf };
      for (let attempt = 1; !(await offer(book, config.libraryUrl, signal)); attempt += 1) {
        await clock.sleep(backoffMs(attempt, random()), signal);
      }
      const spentMs = clock.nowMs() - startedAtMs;
      await clock.sleep(Math.max(0, config.intervalMs - spentMs), signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Was the book taken? One that the library finds wrong is dropped: it would never be taken. */
async function offer(book: unknown, libraryUrl: string, signal: AbortSignal): Promise<boolean> {
  const result = await call(`${libraryUrl}/api/books`, { method: 'POST', body: book, signal });
  signal.throwIfAborted();
  return result.ok && (result.status < 300 || result.status === 400);
}

/** The list as it stands, then shuffled anew each time it is through. */
export function* endlessly<T>(list: readonly T[], random: () => number): Generator<T, never> {
  let order = [...list];
  for (;;) {
    yield* order;
    order = order
      .map((item) => ({ item, rank: random() }))
      .toSorted((a, b) => a.rank - b.rank)
      .map(({ item }) => item);
  }
}
