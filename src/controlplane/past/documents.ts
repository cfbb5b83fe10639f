// The mesh as it is shown, as documents by key, and what each event changes of them: the form in
// which the past is kept. Pure.
import type { MeshEvent } from '#api/events.ts';
import type { Alert, MeshEdge, MeshNode, MeshStatus, Network, Snapshot } from '#api/graph.ts';
import type { TrustReport } from '#api/identity.ts';
import type { Join } from '#api/joins.ts';
import { patched, patchOf, type Patch } from './patch.ts';

/** By key: `node:<id>`, `edge:<id>`, `alert:<id>`, `join:<id>`, `networks`, `status`, `trust`. */
export type Documents = ReadonlyMap<string, unknown>;

/** A document is another now; undefined: it has gone. */
export type Change = { readonly key: string; readonly value: unknown };

/** A change as it is written down: gone, as a whole, or by what is different. */
export type Delta =
  | readonly [key: string]
  | readonly [key: string, whole: unknown]
  | readonly [key: string, part: null, patch: Patch];

/** What of an event is state; the rest (a sample, a denial) passes. */
export function changesOf(event: MeshEvent): readonly Change[] {
  switch (event.type) {
    case 'node.upsert':
      return [{ key: `node:${event.node.id}`, value: event.node }];
    case 'node.gone':
      return [{ key: `node:${event.id}`, value: undefined }];
    case 'edge.upsert':
      return [{ key: `edge:${event.edge.id}`, value: event.edge }];
    case 'edge.gone':
      return [{ key: `edge:${event.id}`, value: undefined }];
    case 'alert': {
      const { alert, isOver } = event;
      return [{ key: `alert:${alert.id}`, value: isOver ? undefined : alert }];
    }
    case 'join.step':
      return [{ key: `join:${event.join.id}`, value: event.join }];
    case 'config.sync':
      return [{ key: 'status', value: event.status }];
    default:
      // A certificate is its node's as well; of a reset the view tells the networks itself.
      return [];
  }
}

export type Shown = Pick<Snapshot, 'networks' | 'nodes' | 'edges' | 'alerts' | 'status'>;

/** All of it, to begin with. */
export function documentsOf(shown: Shown, joins: Iterable<Join>): Map<string, unknown> {
  const documents = new Map<string, unknown>([
    ['networks', shown.networks],
    ['status', shown.status],
  ]);
  for (const node of shown.nodes) documents.set(`node:${node.id}`, node);
  for (const edge of shown.edges) documents.set(`edge:${edge.id}`, edge);
  for (const alert of shown.alerts) documents.set(`alert:${alert.id}`, alert);
  for (const join of joins) documents.set(`join:${join.id}`, join);
  return documents;
}

/** @param before undefined: there was none */
export function deltaOf({ key, value }: Change, before: unknown): Delta | undefined {
  if (value === undefined) return before === undefined ? undefined : [key];
  const patch = before === undefined ? undefined : patchOf(before, value);
  if (patch === undefined) return [key, value];
  return Object.keys(patch).length === 0 ? undefined : [key, null, patch];
}

export function applyDelta(documents: Map<string, unknown>, delta: Delta): void {
  const [key, whole, patch] = delta;
  if (delta.length === 1) documents.delete(key);
  else if (patch) documents.set(key, patched(documents.get(key), patch));
  else documents.set(key, whole);
}

/** Keys say what their documents are: what was written down is what was told. */
// oxlint-disable-next-line no-unnecessary-type-parameters -- it is the caller who knows the key
function told<T>(document: unknown): T {
  // oxlint-disable-next-line no-unsafe-type-assertion -- nobody else writes the database
  return document as T;
}

const allOf = <T>(documents: Documents, prefix: string): T[] =>
  [...documents].flatMap(([key, document]) => (key.startsWith(prefix) ? [told<T>(document)] : []));

export const nodesIn = (documents: Documents): MeshNode[] => allOf(documents, 'node:');
export const edgesIn = (documents: Documents): MeshEdge[] => allOf(documents, 'edge:');
export const alertsIn = (documents: Documents): Alert[] => allOf(documents, 'alert:');
export const joinsIn = (documents: Documents): Join[] => allOf(documents, 'join:');
export const nodeIn = (documents: Documents, id: string): MeshNode | undefined =>
  told(documents.get(`node:${id}`));
export const edgeIn = (documents: Documents, id: string): MeshEdge | undefined =>
  told(documents.get(`edge:${id}`));
export const networksIn = (documents: Documents): readonly Network[] | undefined =>
  told(documents.get('networks'));
export const statusIn = (documents: Documents): MeshStatus | undefined =>
  told(documents.get('status'));
export const trustIn = (documents: Documents): TrustReport | undefined =>
  told(documents.get('trust'));
