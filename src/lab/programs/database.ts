// A connection to the library's database, as the lab's client programs make it.
import { Client } from 'pg';

/** The account that postgres.ts makes. */
const ACCOUNT = { user: 'library', password: 'library', database: 'library' } as const;

/**
 * Not yet connected. No TLS of its own (`sslmode=disable`): encryption is the mesh's. A cut
 * connection is no event of its own: the statement under way, or the next one, rejects.
 *
 * @param options.limitMs for connecting, and for each statement
 */
export function createClient(options: {
  readonly host: string;
  readonly port: number;
  readonly limitMs: number;
}): Client {
  const { host, port, limitMs } = options;
  const limits = { connectionTimeoutMillis: limitMs, query_timeout: limitMs };
  const client = new Client({ host, port, ssl: false, ...ACCOUNT, ...limits });
  client.on('error', () => undefined);
  return client;
}
