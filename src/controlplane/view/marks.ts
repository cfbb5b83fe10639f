// What happened, for the time line: the view's own events, remembered for a day, and the denials
// that the history keeps.
import type { MeshEvent } from '#api/events.ts';
import type { HistoryMark } from '#api/history-marks.ts';
import type { Flows, Span } from '#telemetry/flows/flows.ts';

export interface MarkSource {
  /** Oldest first. */
  marks(span: Span): readonly HistoryMark[];
}

const REMEMBERED_MS = 86_400_000;
const MARKS_MAX = 2000;

/** In memory: a restart of isthmusd forgets all but the denials. */
export class Marks implements MarkSource {
  readonly #flows: Pick<Flows, 'denials'>;
  readonly #own: HistoryMark[] = [];

  constructor(flows: Pick<Flows, 'denials'>) {
    this.#flows = flows;
  }

  /** @param nameOf what people call a node by its id */
  note(event: MeshEvent, atMs: number, nameOf: (id: string) => string): void {
    const mark = markOf(event, atMs, nameOf);
    if (!mark) return;
    this.#own.push(mark);
    while (this.#own.length > MARKS_MAX || (this.#own[0]?.atMs ?? atMs) < atMs - REMEMBERED_MS) {
      this.#own.shift();
    }
  }

  marks({ fromMs, toMs }: Span): readonly HistoryMark[] {
    const denials = this.#flows
      .denials({ fromMs, toMs })
      .map(({ atMs, edge, from, to, port }): HistoryMark => ({
        atMs,
        kind: 'denial',
        about: edge,
        text: `${from} was refused by ${to}:${port}`,
      }));
    const own = this.#own.filter(({ atMs }) => fromMs <= atMs && atMs < toMs);
    return [...own, ...denials].toSorted((a, b) => a.atMs - b.atMs);
  }
}

function markOf(
  event: MeshEvent,
  nowMs: number,
  nameOf: (id: string) => string,
): HistoryMark | undefined {
  switch (event.type) {
    case 'node.gone':
      return { atMs: event.atMs, kind: 'left', about: event.id, text: `${nameOf(event.id)} left` };
    case 'cert.upsert': {
      const { rotations } = event.certificate;
      const text = `${nameOf(event.node)} has ${rotations > 0 ? 'a new' : 'a'} certificate`;
      return { atMs: nowMs, kind: 'rotation', about: event.node, text };
    }
    case 'policy.upsert': {
      const { kind, namespace, name, resourceVersion, atMs } = event.policy;
      const what = resourceVersion === '' ? 'deleted' : 'saved';
      return {
        atMs,
        kind: 'policy',
        about: `${kind}/${namespace}/${name}`,
        text: `${kind} ${namespace}/${name} ${what}`,
      };
    }
    case 'join.step': {
      const { id, name, state, steps, startedAtMs } = event.join;
      const last = steps.findLast((step) => step.endedAtMs !== null);
      const text = `${name}: ${last?.name ?? 'begun'}${state === 'running' ? '' : `, ${state}`}`;
      return { atMs: last?.endedAtMs ?? startedAtMs, kind: 'join', about: id, text };
    }
    default:
      return undefined;
  }
}
