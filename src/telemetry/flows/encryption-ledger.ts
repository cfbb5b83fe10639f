// Whether an edge is encrypted, from what its ends have said. Pure but for what it remembers, which
// is a fixed size.
import type { Encryption, MeshEdge, Reporter } from '#api/graph.ts';

/** What a reporter says of the session of what it reports; empty: none was reached. */
export type Security = 'mutual' | 'tls' | 'none' | '';

/** The last five minutes, by half minutes. */
const BUCKET_MS = 30_000;
const BUCKETS = 10;
const RECENT_MS = BUCKET_MS * BUCKETS;

export type Session = {
  readonly security: Security;
  readonly version: string;
  readonly cipher: string;
  readonly clientIdentity: string;
  readonly serverIdentity: string;
};

/** What one end has said. */
class Said {
  tlsAtMs = 0;
  plainAtMs = 0;
  hasBothIdentities = false;
  /** Plain arrays: so short, they are half the size of typed ones. */
  readonly #tlsBytes = Array<number>(BUCKETS).fill(0);
  readonly #allBytes = Array<number>(BUCKETS).fill(0);
  #bucket = 0;

  count(bytes: number, isTls: boolean, atMs: number): void {
    this.#turn(atMs);
    const at = this.#bucket % BUCKETS;
    this.#allBytes[at] = (this.#allBytes[at] ?? 0) + bytes;
    if (isTls) this.#tlsBytes[at] = (this.#tlsBytes[at] ?? 0) + bytes;
  }

  bytes(nowMs: number): MeshEdge['recent'] {
    this.#turn(nowMs);
    let bytes = 0;
    let encryptedBytes = 0;
    for (let at = 0; at < BUCKETS; at++) {
      bytes += this.#allBytes[at] ?? 0;
      encryptedBytes += this.#tlsBytes[at] ?? 0;
    }
    return { bytes, encryptedBytes };
  }

  #turn(nowMs: number): void {
    const now = Math.floor(nowMs / BUCKET_MS);
    if (now <= this.#bucket) return;
    for (let each = Math.max(this.#bucket + 1, now - BUCKETS + 1); each <= now; each++) {
      this.#allBytes[each % BUCKETS] = 0;
      this.#tlsBytes[each % BUCKETS] = 0;
    }
    this.#bucket = now;
  }
}

export class EncryptionLedger {
  readonly #said: Readonly<Record<Reporter, Said>> = {
    source: new Said(),
    destination: new Said(),
  };
  #last: Pick<Encryption, 'version' | 'cipher' | 'clientIdentity' | 'serverIdentity'> = NOTHING;

  /** @param bytes that were carried in that session since the last report */
  record(reporter: Reporter, session: Session, report: { bytes: number; atMs: number }): void {
    const { security, version, cipher, clientIdentity, serverIdentity } = session;
    if (security === '') return;
    const said = this.#said[reporter];
    const { bytes, atMs } = report;
    said.count(bytes, security !== 'none', atMs);
    if (security === 'none') {
      said.plainAtMs = Math.max(said.plainAtMs, atMs);
      return;
    }
    said.tlsAtMs = Math.max(said.tlsAtMs, atMs);
    said.hasBothIdentities = security === 'mutual';
    const last = this.#last;
    const isNews =
      isOther(version, last.version) ||
      isOther(cipher, last.cipher) ||
      isOther(clientIdentity, last.clientIdentity) ||
      isOther(serverIdentity, last.serverIdentity);
    if (!isNews) return; // nearly always, thousands of times a second
    this.#last = {
      version: version || last.version,
      cipher: cipher || last.cipher,
      clientIdentity: clientIdentity || last.clientIdentity,
      serverIdentity: serverIdentity || last.serverIdentity,
    };
  }

  /** What the two ends say differently of the same time; undefined: nothing, or one is silent. */
  disagreement(): { readonly source: string; readonly destination: string } | undefined {
    const [source, destination] = this.#kinds();
    const isOneSaid = source !== '' && destination !== '' && source !== destination;
    return isOneSaid && source !== 'some' && destination !== 'some'
      ? { source: WORDS[source], destination: WORDS[destination] }
      : undefined;
  }

  state(nowMs: number): Encryption {
    const { bytes, encryptedBytes } = this.recent(nowMs);
    return { ...this.told(), share: bytes === 0 ? null : encryptedBytes / bytes };
  }

  /** Of the last five minutes, by the end that has seen more of them. */
  recent(nowMs: number): MeshEdge['recent'] {
    const source = this.#said.source.bytes(nowMs);
    const destination = this.#said.destination.bytes(nowMs);
    return destination.bytes > source.bytes ? destination : source;
  }

  /** Without what changes with every byte. */
  told(): Omit<Encryption, 'share'> {
    const { source, destination } = this.#said;
    const kinds = this.#kinds().filter((kind) => kind !== '');
    const seenAtMs = Math.max(source.tlsAtMs, destination.tlsAtMs);
    return {
      state: stateOf(kinds, source.hasBothIdentities && destination.hasBothIdentities),
      ...(seenAtMs === 0 ? NOTHING : this.#last),
      seenAtMs: seenAtMs || Math.max(source.plainAtMs, destination.plainAtMs),
    };
  }

  /** Who fell silent while the other went on has said what was, and nothing of now. */
  #kinds(): readonly [source: Kind, destination: Kind] {
    const { source, destination } = this.#said;
    const nowMs = Math.max(lastOf(source), lastOf(destination));
    const kindNow = (said: Said): Kind => (nowMs - lastOf(said) > RECENT_MS ? '' : kindOf(said));
    return [kindNow(source), kindNow(destination)];
  }
}

const lastOf = ({ tlsAtMs, plainAtMs }: Said): number => Math.max(tlsAtMs, plainAtMs);

const isOther = (said: string, known: string): boolean => said !== '' && said !== known;

const NOTHING = { version: '', cipher: '', clientIdentity: '', serverIdentity: '' };
const WORDS = { tls: 'TLS', plain: 'plaintext' } as const;

type Kind = 'tls' | 'plain' | 'some' | '';

/** What an end has said last; of both kinds when each was said within minutes of the other. */
function kindOf({ tlsAtMs, plainAtMs }: Said): Kind {
  if (tlsAtMs === 0 && plainAtMs === 0) return '';
  if (tlsAtMs !== 0 && plainAtMs !== 0 && Math.abs(tlsAtMs - plainAtMs) < RECENT_MS) return 'some';
  return tlsAtMs > plainAtMs ? 'tls' : 'plain';
}

function stateOf(kinds: readonly Kind[], haveBothIdentities: boolean): Encryption['state'] {
  if (kinds.length === 0) return 'unknown';
  if (kinds.every((kind) => kind === 'plain')) return 'plaintext';
  if (kinds.some((kind) => kind !== 'tls')) return 'mixed';
  return kinds.length === 2 && haveBothIdentities ? 'mutual' : 'one-sided';
}
