// Recommendations: a few books from different shelves, for the minute at hand, with a reason each.
// Keeps nothing; asks the catalogue what there is.
import type { Book, Shelf } from '../shared/book.ts';
import { systemClock, type Clock } from '../shared/clock.ts';
import { call, json, serve, type HttpReply } from '../shared/http.ts';
import {
  portSetting,
  urlSetting,
  type Environment,
  type RunningService,
} from '../shared/program.ts';
import { parseShelves, type ShelfContent } from '../shared/shelves.ts';

export type RecommendationsConfig = { readonly port: number; readonly catalogueUrl: string };

export type Recommendation = {
  readonly id: string;
  readonly title: string;
  readonly author: string;
  readonly shelf: string;
  /** For whom or what it is, as a librarian would say it. */
  readonly reason: string;
};

const PICKS_MAX = 3;
/** So long the same books are recommended. */
const PERIOD_MS = 60_000;

const REASONS: Readonly<Record<Shelf, string>> = {
  Novels: 'For a long evening',
  Mysteries: 'For a rainy night',
  'Other worlds': 'For leaving the planet',
  'Lives & pictures': 'For looking closely',
  'Verse & stage': 'For reading aloud',
  Ideas: 'For changing your mind',
  'For the young': 'For reading together',
};

/** @throws SettingError */
export function recommendationsConfig(env: Environment): RecommendationsConfig {
  return {
    port: portSetting(env, 'PORT', 8080),
    catalogueUrl: urlSetting(env, 'CATALOGUE_URL'),
  };
}

export async function startRecommendations(
  config: RecommendationsConfig,
  clock: Clock = systemClock,
): Promise<RunningService> {
  const recommend = async (): Promise<HttpReply> => {
    const result = await call(`${config.catalogueUrl}/shelves`);
    const found = result.ok ? parseShelves(result.body) : undefined;
    if (!found) return json(502, { error: 'The catalogue does not answer.' });
    const period = Math.floor(clock.nowMs() / PERIOD_MS);
    return json(200, { picks: pickBooks(found.shelves, period) });
  };
  return serve({ port: config.port, routes: { 'GET /recommendations': recommend } });
}

/** One book from each of a few shelves, others in each period: the same for everybody. */
export function pickBooks(shelves: readonly ShelfContent[], period: number): Recommendation[] {
  const filled = shelves.filter(({ books }) => books.length > 0);
  return filled
    .map((_, index) => filled[(index + period) % filled.length])
    .slice(0, PICKS_MAX)
    .flatMap((shelf) => {
      const book = shelf?.books[period % shelf.books.length];
      return book ? [describe(book)] : [];
    });
}

function describe({ id, title, author, shelf }: Book): Recommendation {
  return { id, title, author, shelf, reason: REASONS[shelf] };
}
