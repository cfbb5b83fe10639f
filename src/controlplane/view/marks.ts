// What happened, for the time line: the view's own events, kept with the past, and the denials that
// the history of flows keeps.
import type { MeshEvent } from '#api/events.ts';
import type { MeshNode } from '#api/graph.ts';
import type { HistoryMark } from '#api/history-marks.ts';
import type { Flows, Span } from '#telemetry/flows/flows.ts';
import type { Past } from '../past/past.ts';

export interface MarkSource {
  /** Oldest first. */
  marks(span: Span): readonly HistoryMark[];
}

export type KnownNodes = {
  readonly before: (id: string) => MeshNode | undefined;
  readonly nameOf: (id: string) => string;
};

export class Marks implements MarkSource {
  readonly #flows: Pick<Flows, 'denials'>;
  readonly #past: Pick<Past, 'note' | 'marks'>;
  /**
   * The certificate that each node had last, by node: isthmusd forgets them at its end, and those
   * that it then meets again are not new.
   */
  readonly #serials = new Map<string, string>();

  constructor(flows: Pick<Flows, 'denials'>, past: Pick<Past, 'note' | 'marks'>) {
    this.#flows = flows;
    this.#past = past;
  }

  /** Nodes as an earlier isthmusd ended: their certificates are no news. */
  remember(earlier: Iterable<MeshNode>): void {
    for (const { id, certificate } of earlier) {
      if (certificate) this.#serials.set(id, certificate.serial);
    }
  }

  /** Who was there when an earlier isthmusd ended, and is not, has left since. */
  noteLeavings(
    earlier: Iterable<MeshNode>,
    nodeNow: (id: string) => MeshNode | undefined,
    nowMs: number,
  ): void {
    for (const { id, name, state } of earlier) {
      const isThere = (nodeNow(id)?.state ?? 'gone') !== 'gone';
      if (isThere || state === 'gone' || !id.startsWith('wl:')) continue;
      const text = `${name} left while the control plane was away`;
      this.#past.note({ atMs: nowMs, kind: 'left', about: id, text });
    }
  }

  /**
   * @param known.before nodes as they were until this event
   * @param known.nameOf what people call a node
   */
  note(event: MeshEvent, nowMs: number, known: KnownNodes): void {
    const mark = this.#markOf(event, nowMs, known);
    if (mark) this.#past.note(mark);
  }

  marks(span: Span): readonly HistoryMark[] {
    const denials = this.#flows
      .denials(span)
      .map(({ atMs, edge, from, to, port }): HistoryMark => ({
        atMs,
        kind: 'denial',
        about: edge,
        text: `${from} was refused by ${to}:${port}`,
      }));
    return [...this.#past.marks(span), ...denials].toSorted((a, b) => a.atMs - b.atMs);
  }

  #markOf(
    event: MeshEvent,
    nowMs: number,
    { before, nameOf }: KnownNodes,
  ): HistoryMark | undefined {
    switch (event.type) {
      case 'node.upsert': {
        const { id, name, state, changedAtMs } = event.node;
        // Edges may still lead to it, so it stays on the map; but it has left now.
        const isLeaving = state === 'gone' && (before(id)?.state ?? 'gone') !== 'gone';
        return isLeaving ? leftMark({ id, name }, changedAtMs) : undefined;
      }
      case 'node.gone': {
        this.#serials.delete(event.id);
        const known = before(event.id);
        if (known?.state === 'gone' || !event.id.startsWith('wl:')) return undefined;
        return leftMark({ id: event.id, name: known?.name ?? nameOf(event.id) }, event.atMs);
      }
      case 'cert.upsert':
        return this.#rotation(event, nowMs, nameOf(event.node));
      case 'policy.upsert': {
        const { kind, namespace, name, resourceVersion, by, atMs } = event.policy;
        const how = resourceVersion === '' ? 'deleted' : 'saved';
        return {
          atMs,
          kind: 'policy',
          about: `${kind}/${namespace}/${name}`,
          text: `${kind} ${namespace}/${name} ${how}${by === '' ? '' : ` by ${by}`}`,
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

  #rotation(
    { node, certificate }: Extract<MeshEvent, { type: 'cert.upsert' }>,
    atMs: number,
    name: string,
  ): HistoryMark | undefined {
    const known = this.#serials.get(node);
    if (known === certificate.serial) return undefined;
    this.#serials.set(node, certificate.serial);
    const text = `${name} has ${known === undefined ? 'a' : 'a new'} certificate`;
    return { atMs, kind: 'rotation', about: node, text };
  }
}

const leftMark = (
  of: { readonly id: string; readonly name: string },
  atMs: number,
): HistoryMark => ({
  atMs,
  kind: 'left',
  about: of.id,
  text: `${of.name} left`,
});
