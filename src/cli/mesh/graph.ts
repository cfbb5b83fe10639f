// `isthmus graph`: the map as JSON, for Graphviz, and for Mermaid. Pure.
import type { MeshEdge, MeshNode, Sample, Snapshot } from '#api/graph.ts';
import { printable } from '#base/printable.ts';
import { renderEncryption } from './encryption.ts';
import { renderRate } from './units.ts';

export type GraphFormat = 'json' | 'dot' | 'mermaid';

export function renderGraph(format: GraphFormat, snapshot: Snapshot): string {
  if (format === 'json') return JSON.stringify(snapshot, undefined, 2);
  return format === 'dot' ? renderDot(snapshot) : renderMermaid(snapshot);
}

/** Only what is in this namespace, and what talks to it. */
export function withinNamespace(snapshot: Snapshot, namespace: string): Snapshot {
  const inside = new Set(
    snapshot.nodes.filter((node) => node.namespace === namespace).map(({ id }) => id),
  );
  const edges = snapshot.edges.filter(({ from, to }) => inside.has(from) || inside.has(to));
  const shown = new Set([...inside, ...edges.flatMap(({ from, to }) => [from, to])]);
  const indices = new Set(edges.map(({ index }) => index));
  return {
    ...snapshot,
    nodes: snapshot.nodes.filter(({ id }) => shown.has(id)),
    edges,
    samples: snapshot.samples.filter(([index]) => indices.has(index)),
  };
}

const SHAPES: Readonly<Record<MeshNode['kind'], string>> = {
  pod: 'ellipse',
  vm: 'pentagon',
  gateway: 'hexagon',
  external: 'box',
  unknown: 'plain',
};

const TEXT_LENGTH_MAX = 200;

/** https://graphviz.org/doc/info/lang.html : the one escape in quoted strings is of quotes. */
const dotText = (text: string): string =>
  `"${printable(text, TEXT_LENGTH_MAX).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

function renderDot({ nodes, edges, networks, samples }: Snapshot): string {
  const lines = ['digraph mesh {', '  rankdir=LR;', '  node [fontname="sans-serif"];'];
  const grouped = Map.groupBy(nodes, ({ kind, network }) =>
    kind === 'external' || kind === 'unknown' ? undefined : network,
  );
  for (const [index, { id, title }] of networks.entries()) {
    lines.push(`  subgraph cluster_${index} {`, `    label=${dotText(title)};`);
    for (const node of grouped.get(id) ?? []) lines.push(`    ${dotNode(node)}`);
    lines.push('  }');
  }
  for (const node of grouped.get(undefined) ?? []) lines.push(`  ${dotNode(node)}`);
  const rates = new Map(samples.map((sample) => [sample[0], sample]));
  for (const edge of edges) {
    const label = labelOf(edge, rates.get(edge.index)).map(escaped).join('\\n');
    const style = isBad(edge) ? ' color=red style=dashed' : '';
    lines.push(`  ${dotText(edge.from)} -> ${dotText(edge.to)} [label="${label}"${style}];`);
  }
  return [...lines, '}'].join('\n');
}

const escaped = (text: string): string => dotText(text).slice(1, -1);

const dotNode = ({ id, kind, name, namespace }: MeshNode): string => {
  const words = [name, ...(namespace === '' ? [] : [namespace]), ...(kind === 'vm' ? ['VM'] : [])];
  const label = words.map(escaped).join('\\n');
  return `${dotText(id)} [label="${label}" shape=${SHAPES[kind]}];`;
};

/** Two lines: what it is, and how much; of what nobody reported nothing is said. */
function labelOf(edge: MeshEdge, sample: Sample | undefined): readonly string[] {
  const { port, application, protocol, encryption } = edge;
  const what = `${port} ${application || protocol} · ${renderEncryption(encryption)}`;
  if (!sample) return [what];
  const [, toServer, toClient, open] = sample;
  return [what, `→ ${renderRate(toServer)} ← ${renderRate(toClient)} · ${open} open`];
}

const isBad = ({ encryption }: MeshEdge): boolean =>
  encryption.state === 'plaintext' || encryption.state === 'mixed';

/** Mermaid has no escapes but entities: https://mermaid.js.org/syntax/flowchart.html */
const mermaidText = (text: string): string =>
  text.replaceAll(/[^\p{L}\p{N} .,:/→←·()%-]/gu, (character) => `#${character.codePointAt(0)};`);

const MERMAID_SHAPES: Readonly<Record<MeshNode['kind'], readonly [string, string]>> = {
  pod: ['(("', '"))'],
  vm: ['[/"', '"\\]'],
  gateway: ['{{"', '"}}'],
  external: ['["', '"]'],
  unknown: ['(["', '"])'],
};

function renderMermaid({ nodes, edges, networks, samples }: Snapshot): string {
  const names = new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
  const nodeLine = ({ id, kind, name, namespace }: MeshNode): string => {
    const [open, close] = MERMAID_SHAPES[kind];
    const label = [name, namespace, kind === 'vm' ? 'VM' : ''].filter(Boolean).join(' · ');
    return `${names.get(id)}${open}${mermaidText(label)}${close}`;
  };
  const grouped = Map.groupBy(nodes, ({ kind, network }) =>
    kind === 'external' || kind === 'unknown' ? undefined : network,
  );
  const lines = ['flowchart LR'];
  for (const [index, { id, title }] of networks.entries()) {
    lines.push(`  subgraph g${index}["${mermaidText(title)}"]`);
    for (const node of grouped.get(id) ?? []) lines.push(`    ${nodeLine(node)}`);
    lines.push('  end');
  }
  for (const node of grouped.get(undefined) ?? []) lines.push(`  ${nodeLine(node)}`);
  const rates = new Map(samples.map((sample) => [sample[0], sample]));
  for (const edge of edges) {
    const [from, to] = [names.get(edge.from), names.get(edge.to)];
    if (from === undefined || to === undefined) continue; // of nodes that are not shown
    const label = labelOf(edge, rates.get(edge.index)).map(mermaidText).join('<br/>');
    lines.push(`  ${from} ${isBad(edge) ? '-.->' : '-->'}|"${label}"| ${to}`);
  }
  return lines.join('\n');
}
