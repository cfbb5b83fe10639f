// A service that takes books in, keeps them on disk, and carries them further: what the catalogue
// and the inventory have in common.
import { BookLog, BookLogError, type BookLogLimits } from './book-log.ts';
import { parseBook } from './book.ts';
import { systemClock, type Clock } from './clock.ts';
import { Delivery, type DeliveryOptions } from './delivery.ts';
import { json, jsonOf, serve, type HttpReply, type HttpRequest, type Routes } from './http.ts';
import type { RunningService } from './program.ts';

export type QueueServiceOptions = Pick<DeliveryOptions, 'deliver' | 'report'> & {
  readonly port: number;
  readonly file: string;
  readonly limits: BookLogLimits;
  /** The status that says: it is on disk here, the rest will follow. */
  readonly acceptedStatus: 201 | 202;
  readonly routes: (log: BookLog, delivery: Delivery) => Routes;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
};

/** @throws BookLogError when the file is damaged or cannot be written */
export async function startQueueService(options: QueueServiceOptions): Promise<RunningService> {
  const { port, file, limits, acceptedStatus, deliver, report } = options;
  const { clock = systemClock, random = Math.random } = options;
  const log = new BookLog(file, limits);
  const delivery = new Delivery({ log, deliver, report, clock, random });
  const accept = (request: HttpRequest): HttpReply =>
    acceptBook(log, request, { nowMs: clock.nowMs(), acceptedStatus });
  const http = await serve({
    port,
    routes: { 'POST /books': accept, ...options.routes(log, delivery) },
  });
  const stopping = new AbortController();
  const running = delivery.run(stopping.signal); // fails only by a bug, and then ends the process
  return {
    url: http.url,
    async [Symbol.asyncDispose]() {
      await http[Symbol.asyncDispose]();
      stopping.abort();
      await running;
      log[Symbol.dispose]();
    },
  };
}

function acceptBook(
  log: BookLog,
  request: HttpRequest,
  { nowMs, acceptedStatus }: { readonly nowMs: number; readonly acceptedStatus: number },
): HttpReply {
  const parsed = parseBook(jsonOf(request), nowMs);
  if (!parsed.ok) return json(400, { problems: parsed.problems });
  try {
    const result = log.add(parsed.book);
    if (result !== 'full') return json(result === 'added' ? acceptedStatus : 200, parsed.book);
    return busy('Too many books are waiting already. Please try again in a while.');
  } catch (error) {
    if (!(error instanceof BookLogError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return busy('The book cannot be written down at the moment. Please try again in a while.');
  }
}

function busy(error: string): HttpReply {
  const reply = json(503, { error });
  return { ...reply, headers: { ...reply.headers, 'retry-after': '5' } };
}
