// Names that exist in the mesh now, to complete what is typed.
import type { MeshNode } from '../../api/types.ts';
import type { Offer } from './forms.ts';

export type LiveNames = Readonly<Record<Offer, readonly string[]>>;

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];

export function liveNames(nodes: readonly MeshNode[]): LiveNames {
  const members = nodes.filter(({ kind }) => kind !== 'unknown');
  return {
    // Istio's principals leave out the scheme.
    identities: sorted(members.map(({ identity }) => identity.replace(/^spiffe:\/\//, ''))),
    namespaces: sorted(members.map(({ namespace }) => namespace)),
    hosts: sorted(members.flatMap(({ services }) => services)),
    ports: sorted(members.flatMap(({ ports }) => ports.map(({ port }) => String(port)))),
    methods: METHODS,
    labels: sorted(
      members.filter(({ kind }) => kind !== 'external').map(({ name }) => `app=${name}`),
    ),
  };
}

const sorted = (names: readonly string[]): readonly string[] =>
  [...new Set(names.filter((name) => name !== ''))].toSorted((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );

/** Which names the value of a key takes, in the kinds that there are. */
const OFFERS: Readonly<Record<string, Offer>> = {
  principals: 'identities',
  notPrincipals: 'identities',
  namespaces: 'namespaces',
  notNamespaces: 'namespaces',
  namespace: 'namespaces',
  hosts: 'hosts',
  host: 'hosts',
  ports: 'ports',
  notPorts: 'ports',
  methods: 'methods',
  notMethods: 'methods',
};

/** Words that a key takes whatever the mesh is. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  action: ['ALLOW', 'DENY', 'AUDIT', 'CUSTOM'],
  mode: ['STRICT', 'PERMISSIVE', 'DISABLE', 'ISTIO_MUTUAL', 'SIMPLE', 'MUTUAL'],
};

export type Completion = {
  /** Offset where the word begins that is being typed. */
  readonly from: number;
  readonly options: readonly string[];
};

/** What could stand at an offset of a YAML text; undefined: nothing that we know. */
export function completionAt(
  text: string,
  offset: number,
  names: LiveNames,
): Completion | undefined {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset);
  if (/(^|\s)#/.test(line)) return undefined;
  const word = /[^\s"'[\]{},]*$/.exec(line)?.[0] ?? '';
  const before = line.slice(0, line.length - word.length);
  const key = keyOf(before) ?? keyAbove(text, offset, line);
  if (key === undefined) return undefined;
  const options = offered(key, names);
  return options.length > 0 ? { from: offset - word.length, options } : undefined;
}

function offered(key: string, names: LiveNames): readonly string[] {
  const offer = Object.hasOwn(OFFERS, key) ? OFFERS[key] : undefined;
  if (offer) return names[offer];
  return (Object.hasOwn(WORDS, key) ? WORDS[key] : undefined) ?? [];
}

/** `principals` of `  - source: {principals: ["a", ` and of `action: `. */
function keyOf(before: string): string | undefined {
  return /^.*(?<![\w-])([\w-]+):\s+(?:\[[^\]]*|["'])?$/.exec(before)?.[1];
}

/** Of an item `- …`: the key of the list that it stands in. */
function keyAbove(text: string, offset: number, line: string): string | undefined {
  const dash = /^(\s*)-\s+["']?[^\s:]*$/.exec(line);
  if (!dash) return undefined;
  const indent = dash[1]?.length ?? 0;
  const above = text
    .slice(0, offset - line.length)
    .split('\n')
    .toReversed();
  for (const other of above) {
    const found = /^(\s*(?:-\s+)*)([\w-]+):\s*(?:#.*)?$/.exec(other);
    if (found && (found[1]?.length ?? 0) <= indent) return found[2];
    const isItem = /^\s*(-|#|$)/.test(other);
    if (!isItem && (/^\s*/.exec(other)?.[0].length ?? 0) < indent) return undefined;
  }
  return undefined;
}
