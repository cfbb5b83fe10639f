// The console's parts put together: who may see what, the API's routes, and the page.
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Clock } from '#base/clock.ts';
import type { HostPort } from '#base/flags.ts';
import type { Logger } from '#base/log.ts';
import type { KubeClient } from '#kube/client.ts';
import type { ActingRules } from '../acting.ts';
import { AbilityReviews } from './abilities.ts';
import { AccessReviews } from './access.ts';
import type { DispatchParts } from './dispatch.ts';
import { Identifier } from './identify.ts';
import { ConsolePages } from './pages.ts';
import { RouteTable } from './paths.ts';
import { RateLimit } from './rate-limit.ts';
import type { ApiRoute } from './route.ts';
import { sessionRoutes } from './routes/session.ts';
import { openConsole, type ConsoleServer, type ServingCertificate } from './server.ts';
import { Sessions } from './sessions.ts';
import { StreamQuota } from './stream-quota.ts';
import { TokenReviews } from './token-reviews.ts';

/** Where the set-up puts the console. */
const BUILT = fileURLToPath(new URL('../../../console/dist', import.meta.url));

/** Of one address: a command with an old token is run again a few times, not a hundred. */
const REFUSALS = { burst: 30, perMinute: 30 };

export type ConsoleParts = {
  readonly listen: HostPort;
  /** For where others than this machine's own programs reach it; undefined: plain HTTP. */
  readonly tls: ServingCertificate | undefined;
  /** All but those of sessions. */
  readonly routes: readonly ApiRoute[];
  /** For the session: how long an apply waits for its confirmation. */
  readonly undoSeconds: number;
  readonly client: Pick<KubeClient, 'get' | 'list' | 'reviewUser' | 'reviewAccess'>;
  /** In whose name is written. */
  readonly acting: ActingRules;
  readonly clock: Clock;
  readonly log: Logger;
  /** Origins whose pages may show the console in a frame; default none. */
  readonly embedders?: readonly string[];
  /** Of the built console; default where this program's own is. */
  readonly folder?: string;
};

/** Listens. @throws OperatorError ADDRESS_IN_USE */
export async function createConsole(parts: ConsoleParts): Promise<ConsoleServer> {
  const { listen, tls, client, acting, undoSeconds, clock, log } = parts;
  const { embedders = [], folder = BUILT } = parts;
  const reviews = new TokenReviews(client, clock);
  const identifier = new Identifier({ client, reviews, clock });
  const access = new AccessReviews(client, clock);
  const sessions = new Sessions({ clock, randomBytes });
  const abilities = new AbilityReviews({ access, client, clock, acting });
  const own = { sessions, identifier, undoSeconds, clock };
  const api: DispatchParts = {
    ...own,
    access,
    reviews,
    refusals: new RateLimit(REFUSALS, clock),
    table: new RouteTable([...sessionRoutes({ ...own, abilities }), ...parts.routes]),
    streams: new StreamQuota(),
    log,
  };
  const pages = new ConsolePages({ folder, randomBytes, embedders });
  return await openConsole({ listen, tls, pages, api });
}

/** Is it reached by programs of this machine only? */
export function isLoopback({ host }: HostPort): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}
