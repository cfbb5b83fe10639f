// A client with a steady pace, for the map's numbers: small rows to PostgreSQL over one
// connection, and each second what its own socket has carried so far.
//
// usage: steady-client.ts HOST PORT BYTES_PER_SECOND
// Prints `{"atMs":…,"toServer":…,"toClient":…}` each second. SIGTERM ends it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { systemClock } from '#base/clock.ts';
import { createClient } from '#lab/programs/database.ts';

/** Few enough for a busy machine, too: who is late catches up, and the mean stays. */
const ROWS_PER_SECOND = 20;
const [host = '', port = '', bytesPerSecond = '10000'] = process.argv.slice(2);
const row = 'x'.repeat(Number(bytesPerSecond) / ROWS_PER_SECOND);
const stopping = new AbortController();
void once(process, 'SIGTERM').then(() => stopping.abort());

const client = createClient({ host, port: Number(port), limitMs: 5_000 });
await client.connect();
const { stream } = client.connection;
assert(stream instanceof Socket);
const socket = stream;

const startMs = systemClock.nowMs();
for (let count = 0; !stopping.signal.aborted; count += 1) {
  await client.query('INSERT INTO held (session, step) VALUES ($1, $2)', [count, row]);
  if (count % ROWS_PER_SECOND === 0) {
    const counted = { toServer: socket.bytesWritten, toClient: socket.bytesRead };
    process.stdout.write(`${JSON.stringify({ atMs: systemClock.nowMs(), ...counted })}\n`);
  }
  const waitMs = startMs + ((count + 1) * 1000) / ROWS_PER_SECOND - systemClock.nowMs();
  if (waitMs > 0) await systemClock.sleep(waitMs, stopping.signal).catch(() => undefined);
}
await client.end();
