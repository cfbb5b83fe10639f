// Runs analyzers over a snapshot: their messages sorted, each once, without those not wanted.
import { fieldsOf, textAt } from '#kube/fields.ts';
import type { Analyzer } from './analyzer.ts';
import { friendlyName, LEVELS, renderMessage } from './message.ts';
import type { Message } from './message.ts';
import { NAMESPACE } from './resource.ts';
import type { Resource } from './resource.ts';
import type { Snapshot } from './snapshot.ts';

/** Messages of a code about objects whose name (`Pod shop/web`, with `*`) fits are left out. */
export type Suppression = { readonly code: string; readonly resource: string };

export type AnalysisOptions = {
  /** Only messages about objects of this namespace and cluster-wide ones; undefined for all. */
  readonly namespace?: string | undefined;
  readonly suppressions?: readonly Suppression[];
};

/** An annotation with codes, separated by commas; `*` for all. Istio's name for it. */
const SUPPRESS = 'galley.istio.io/analyze-suppress';

export function analyze(
  snapshot: Snapshot,
  analyzers: readonly Analyzer[],
  { namespace, suppressions = [] }: AnalysisOptions = {},
): readonly Message[] {
  const found = new Map<string, Message>();
  for (const analyzer of analyzers) {
    for (const message of analyzer.run(snapshot)) {
      const { resource } = message.place;
      if (!isOfNamespace(resource, namespace) || isSuppressed(message, suppressions)) continue;
      found.set(renderMessage(message), message);
    }
  }
  const keyed = [...found].map(([text, message]) => ({ key: sortKey(message, text), message }));
  return keyed.toSorted((a, b) => (a.key < b.key ? -1 : 1)).map(({ message }) => message);
}

/** A Namespace counts as an object of itself. */
function isOfNamespace(resource: Resource, wanted: string | undefined): boolean {
  const own = resource.type === NAMESPACE ? resource.name : resource.namespace;
  return wanted === undefined || own === '' || own === wanted;
}

function isSuppressed({ code, place }: Message, suppressions: readonly Suppression[]): boolean {
  const annotations = fieldsOf(place.resource.object.metadata, 'annotations');
  const own = textAt(annotations, SUPPRESS).split(',');
  if (own.includes('*') || own.includes(code)) return true;
  const name = friendlyName(place.resource);
  return suppressions.some((it) => it.code === code && isLike(name, it.resource));
}

/** Does a text fit a pattern in which `*` stands for anything? Never exponential: no RegExp. */
function isLike(text: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first)) return false;
  let position = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, position);
    if (found < 0) return false;
    position = found + part.length;
  }
  return text.length - last.length >= position && text.endsWith(last);
}

/** The worst first, then by code, kind, name, namespace, and text. */
function sortKey({ level, code, place }: Message, text: string): string {
  const { kind, name, namespace } = place.resource;
  return [LEVELS.indexOf(level), code, kind, name, namespace, text].join('\0');
}
