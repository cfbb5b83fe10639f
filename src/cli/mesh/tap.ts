// `isthmus tap`: what becomes of connections, a line each time. Pure.
import type { MeshEdge } from '#api/graph.ts';
import type { Connection } from '#api/history.ts';
import { isRecord } from '#kube/objects.ts';
import { renderBytes, renderSpan, renderTime } from './units.ts';

/** Of more connections than these the eldest are forgotten: their next bytes count from 0. */
const KNOWN_MAX = 10_000;

/** Is it what a tap tells, as far as this command relies on it? */
export function isConnection(value: unknown): value is Connection {
  if (!isRecord(value) || typeof value['id'] !== 'string') return false;
  const numbers = ['openedAtMs', 'toServerBytes', 'toClientBytes'];
  const texts = ['edge', 'clientAddress', 'serverAddress', 'encryption', 'flags'];
  return (
    numbers.every((name) => typeof value[name] === 'number') &&
    texts.every((name) => typeof value[name] === 'string')
  );
}

/** Remembers what was told of each connection, to tell what has moved since. */
export class Tap {
  readonly #known = new Map<string, Connection>();

  /**
   * @param edge that it is of; undefined: the mesh has forgotten it
   * @returns undefined when nothing is new: the other end has said the same
   */
  line(
    connection: Connection,
    edge: MeshEdge | undefined,
    nameOf: (id: string) => string,
  ): string | undefined {
    const { id, closedAtMs, openedAtMs, encryption, flags } = connection;
    const before = this.#known.get(id);
    if (before && isSame(before, connection)) return undefined;
    this.#remember(connection);
    const what = closedAtMs === null ? (before ? 'moved ' : 'open  ') : 'closed';
    const who = edge
      ? `${nameOf(edge.from)} → ${nameOf(edge.to)}:${edge.port}`
      : `${connection.clientAddress} → ${connection.serverAddress}`;
    const toServer = connection.toServerBytes - (before?.toServerBytes ?? 0);
    const toClient = connection.toClientBytes - (before?.toClientBytes ?? 0);
    const moved = `→ ${renderBytes(toServer)} ← ${renderBytes(toClient)}`;
    const ended = closedAtMs === null ? [] : [`after ${renderSpan(closedAtMs - openedAtMs)}`];
    return [
      renderTime(closedAtMs ?? openedAtMs),
      what,
      who,
      moved,
      ENCRYPTION[encryption],
      `${connection.clientAddress} → ${connection.serverAddress}`,
      ...ended,
      ...(flags === '' ? [] : [`flags ${flags}`]),
    ].join('  ');
  }

  #remember(connection: Connection): void {
    const { id } = connection;
    this.#known.delete(id); // to the end of the map's order
    this.#known.set(id, connection);
    const [eldest] = this.#known.keys();
    if (this.#known.size > KNOWN_MAX && eldest !== undefined) this.#known.delete(eldest);
  }
}

const isSame = (before: Connection, now: Connection): boolean =>
  before.closedAtMs !== null &&
  now.closedAtMs !== null &&
  before.toServerBytes === now.toServerBytes &&
  before.toClientBytes === now.toClientBytes &&
  before.flags === now.flags;

const ENCRYPTION: Readonly<Record<Connection['encryption'], string>> = {
  tls: 'mTLS',
  plaintext: 'PLAINTEXT',
  unknown: 'encryption unknown',
};
