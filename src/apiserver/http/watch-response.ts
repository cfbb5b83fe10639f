// A watch as an answer: one JSON object for each line, flushed as they come.
import type { Clock } from '#base/clock.ts';
import { apiVersionOf, resourceOf } from '../kinds/kind.ts';
import type { KubeObject } from '../object.ts';
import { booleanOption, numberOption, parseSelection } from '../registry/list-options.ts';
import type { Scope } from '../registry/scope.ts';
import { asServed } from '../registry/version.ts';
import { invalidObject, statusOf } from '../status.ts';
import { CompactedError } from '../store/store.ts';
import { forbidden } from '../violation.ts';
import type { WatchHub } from '../watch/hub.ts';
import type { Watcher, WatchFrame } from '../watch/watcher.ts';
import type { ApiResponse, ByteSink, ByteSource } from './message.ts';
import type { Representation } from './representation.ts';

/** A watch without `timeoutSeconds` ends after 30 to 60 minutes, as in Kubernetes. */
const DURATION_MIN_SECONDS = 1_800;
const DURATION_MAX_SECONDS = 86_400;

type WatchParts = {
  readonly scope: Scope;
  readonly query: URLSearchParams;
  readonly hub: WatchHub;
  readonly representation: Representation;
};

/** @throws StatusError */
export function watchResponse({ scope, query, hub, representation }: WatchParts): ApiResponse {
  const { backend, served, namespace } = scope;
  const start = startOf(query);
  const wantsBookmarks = booleanOption(query, 'allowWatchBookmarks') === true;
  const selection = parseSelection(query, served.kind);
  const durationMs = durationMsOf(scope, query);
  const within = served.kind.isNamespaced && namespace !== '' ? namespace : undefined;
  const resource = resourceOf(served.kind);
  if (start.after !== undefined && start.after < backend.store.compactedRevision) {
    return expiredResponse(start.after, backend.store.compactedRevision);
  }
  const output = new FrameWriter(scope, representation);
  const watcher = hub.add({
    resource,
    namespace: within,
    matches: selection.matches,
    sink: output,
    wantsBookmarks,
    after: start.after ?? backend.store.revision,
    initial: start.sendsInitial
      ? backend.store
          .list({ resource, namespace: within })
          .filter((object) => selection.matches(object))
      : [],
    marksInitialEnd: start.marksInitialEnd && wantsBookmarks,
  });
  return {
    kind: 'stream',
    status: 200,
    headers: { 'content-type': 'application/json' },
    start: (sink) => {
      output.open(sink);
      return sourceOf({ watcher, hub, durationMs, clock: backend.clock });
    },
  };
}

function sourceOf(parts: {
  readonly watcher: Watcher;
  readonly hub: WatchHub;
  readonly durationMs: number;
  readonly clock: Clock;
}): ByteSource {
  const { watcher, hub, durationMs, clock } = parts;
  const ended = new AbortController();
  clock.sleep(durationMs, ended.signal).then(
    () => watcher.end(),
    () => undefined, // the client was gone first
  );
  return {
    onDrain: () => watcher.resume(),
    onClose: () => {
      ended.abort();
      hub.remove(watcher);
    },
  };
}

/** Turns frames into lines, in the version and form that the client asked for. */
class FrameWriter {
  readonly #scope: Scope;
  readonly #representation: Representation;
  #sink: ByteSink | undefined;
  #isFirst = true;

  constructor(scope: Scope, representation: Representation) {
    this.#scope = scope;
    this.#representation = representation;
  }

  open(sink: ByteSink): void {
    this.#sink = sink;
  }

  write(frame: WatchFrame): boolean {
    const line = `${JSON.stringify({ type: frame.type, object: this.#objectOf(frame) })}\n`;
    return this.#sink?.write(line) ?? false;
  }

  end(): void {
    this.#sink?.end();
  }

  #objectOf(frame: WatchFrame): unknown {
    if (frame.type === 'ERROR') return frame.status;
    const { served } = this.#scope;
    if (frame.type === 'BOOKMARK') return bookmarkOf(this.#scope, frame);
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    return this.#representation.event(asServed(frame.object, served), isFirst);
  }
}

function bookmarkOf(
  { served }: Scope,
  { revision, isInitialEnd }: Extract<WatchFrame, { type: 'BOOKMARK' }>,
): KubeObject {
  const { kind, version } = served;
  return {
    kind: kind.kind,
    apiVersion: apiVersionOf(kind.group, version.name),
    metadata: {
      name: '',
      resourceVersion: String(revision),
      ...(isInitialEnd && { annotations: { 'k8s.io/initial-events-end': 'true' } }),
    },
  };
}

type Start = {
  /** Events after this revision; undefined: the current state, and then what follows. */
  readonly after: number | undefined;
  readonly sendsInitial: boolean;
  readonly marksInitialEnd: boolean;
};

function startOf(query: URLSearchParams): Start {
  const version = numberOption(query, 'resourceVersion');
  const initial = booleanOption(query, 'sendInitialEvents');
  const match = query.get('resourceVersionMatch') ?? '';
  const refuse = (why: string) =>
    invalidObject({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [
      forbidden('resourceVersionMatch', why),
    ]);
  if (initial === undefined && match !== '') {
    throw refuse(
      'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    );
  }
  if (initial !== undefined && match !== 'NotOlderThan') {
    throw refuse('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  }
  const isFromNow = version === undefined || version === 0;
  if (initial === true) return { after: undefined, sendsInitial: true, marksInitialEnd: true };
  if (!isFromNow) return { after: version, sendsInitial: false, marksInitialEnd: false };
  return { after: undefined, sendsInitial: initial === undefined, marksInitialEnd: false };
}

function durationMsOf({ backend }: Scope, query: URLSearchParams): number {
  const seconds = numberOption(query, 'timeoutSeconds');
  const [draw = 0] = backend.randomBytes(1);
  const wanted = seconds || DURATION_MIN_SECONDS * (1 + draw / 256);
  return 1000 * Math.min(wanted, DURATION_MAX_SECONDS);
}

/** Too old a version is said within the stream, not by the answer's status code. */
function expiredResponse(requested: number, compacted: number): ApiResponse {
  const object = statusOf(new CompactedError(requested, compacted));
  const body = `${JSON.stringify({ type: 'ERROR', object })}\n`;
  return { kind: 'whole', status: 200, headers: { 'content-type': 'application/json' }, body };
}
