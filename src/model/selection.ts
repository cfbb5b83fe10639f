// Workloads by label: whom a selector selects, at the cost of those who are alike.
import { membersOf } from './collection.ts';
import type { Graph } from './graph.ts';
import type { Inputs } from './inputs.ts';
import { hasLabels } from './workload.ts';
import type { Workload } from './workload.ts';

type Labels = Readonly<Record<string, string>>;

/** The workloads of a namespace that have all these labels, by key. No labels select nothing. */
export type Select = (namespace: string, selector: Labels) => readonly Workload[];

/** Labels that tell one application from another: what most selectors are made of. */
const TELLING_LABELS = ['app', 'app.kubernetes.io/name', 'app.kubernetes.io/instance', 'k8s-app'];

export function createSelect(graph: Graph, { workloads }: Inputs): Select {
  const byLabel = graph.index('workloads by label', workloads, ({ namespace, labels }) =>
    Object.entries(labels).map(([name, value]) => groupOf(namespace, name, value)),
  );
  return (namespace, selector) => {
    const name = tellingName(selector);
    if (name === undefined) return [];
    const group = groupOf(namespace, name, selector[name] ?? '');
    return membersOf(byLabel, group)
      .flatMap((key) => workloads.get(key) ?? [])
      .filter(({ labels }) => hasLabels(labels, selector));
  };
}

const groupOf = (namespace: string, name: string, value: string): string =>
  `${namespace}/${name}=${value}`;

/** The group of what has no labels to look it up by. */
const UNLABELLED = '*';

/** For selectors that are looked up by what they select: the one group that a selector is in. */
export function groupByLabel(selector: Labels): string {
  const name = tellingName(selector);
  return name === undefined ? UNLABELLED : `${name}=${selector[name] ?? ''}`;
}

/** The groups that a selector of something with these labels may be in. */
export const groupsByLabel = (labels: Labels): readonly string[] => [
  UNLABELLED,
  ...Object.entries(labels).map(([name, value]) => `${name}=${value}`),
];

/**
 * The label of a selector to look workloads up by. Any of them would do; one that few workloads
 * share costs least, now and whenever a workload that has it comes or goes.
 */
function tellingName(selector: Labels): string | undefined {
  const names = Object.keys(selector).sort();
  return TELLING_LABELS.find((name) => Object.hasOwn(selector, name)) ?? names[0];
}
