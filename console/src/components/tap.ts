// The live tap: connections as they open, move bytes and close. Paused, it goes on listening and
// counts what it would have shown.
import type { Connection } from '../api/types.ts';

export type Tap = {
  /** Newest first. */
  readonly rows: readonly Connection[];
  readonly isPaused: boolean;
  /** What has come since the pause, one for each connection, oldest first. */
  readonly buffered: ReadonlyMap<string, Connection>;
  /** Connections that came while the buffer was full. */
  readonly dropped: number;
};

const ROWS_MAX = 200;
const BUFFERED_MAX = 2_000;

export const EMPTY_TAP: Tap = { rows: [], isPaused: false, buffered: new Map(), dropped: 0 };

export type TapAction =
  /** What was there before the tap was opened, newest first. */
  | { readonly type: 'before'; readonly connections: readonly Connection[] }
  | { readonly type: 'seen'; readonly connections: readonly Connection[] }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'clear' };

export function tapReducer(tap: Tap, action: TapAction): Tap {
  switch (action.type) {
    case 'before':
      return showBefore(tap, action.connections);
    case 'seen':
      return tap.isPaused ? buffer(tap, action.connections) : show(tap, action.connections);
    case 'pause':
      return { ...tap, isPaused: true };
    case 'resume':
      return show({ ...tap, isPaused: false, buffered: new Map(), dropped: 0 }, [
        ...tap.buffered.values(),
      ]);
    case 'clear':
      return { ...EMPTY_TAP, isPaused: tap.isPaused };
  }
}

/** What the tap has seen since is newer than what the list said. */
function showBefore(tap: Tap, connections: readonly Connection[]): Tap {
  const known = new Set(tap.rows.map(({ id }) => id));
  const older = connections
    .filter(({ id }) => !known.has(id) && !tap.buffered.has(id))
    .toSorted((a, b) => b.openedAtMs - a.openedAtMs);
  return { ...tap, rows: [...tap.rows, ...older].slice(0, ROWS_MAX) };
}

/** A connection that is shown already changes in its place: nothing jumps. */
function show(tap: Tap, connections: readonly Connection[]): Tap {
  const latest = new Map(connections.map((connection) => [connection.id, connection]));
  const rows = tap.rows.map((row) => {
    const newer = latest.get(row.id);
    latest.delete(row.id);
    return newer ?? row;
  });
  return { ...tap, rows: [...[...latest.values()].toReversed(), ...rows].slice(0, ROWS_MAX) };
}

function buffer(tap: Tap, connections: readonly Connection[]): Tap {
  const buffered = new Map(tap.buffered);
  let { dropped } = tap;
  for (const connection of connections) {
    if (buffered.has(connection.id) || buffered.size < BUFFERED_MAX) {
      buffered.set(connection.id, connection);
    } else dropped += 1;
  }
  return { ...tap, buffered, dropped };
}

/** Every word is somewhere in the row: an address, a flag, `open`, `plaintext`. */
export function filterTap(rows: readonly Connection[], find: string): readonly Connection[] {
  const words = find
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const text = [
      row.clientAddress,
      row.serverAddress,
      row.flags,
      row.encryption,
      row.edge,
      row.closedAtMs === null ? 'open' : 'closed',
    ]
      .join(' ')
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** What the clipboard gets: an array, oldest first, as the API says it. */
export const tapJson = (rows: readonly Connection[]): string =>
  JSON.stringify(rows.toReversed(), null, 2);
