// Commands that show what goes on in the mesh, as the console does: both read one API.
import { defineCommand, type Command } from '../command.ts';
import { meshApiFlags, outputFlags } from '../common-flags.ts';

const within = (summary: string) =>
  ({ namespace: { type: 'string', short: 'n', summary } }) as const;

export const MESH: readonly Command[] = [
  defineCommand({
    name: 'dashboard',
    group: 'Look into the mesh',
    summary: 'a link that opens the console, signed in as you',
    description:
      'The link works once, within a minute, with the rights that the user of the kubeconfig has.\n' +
      'Of a control plane in a cluster, first run\n' +
      '  kubectl -n istio-system port-forward deploy/istiod 8080',
    flags: {
      open: { type: 'boolean', summary: 'also open it (other users of this machine may see it)' },
      ...meshApiFlags,
    },
    examples: [{ says: 'print the link', command: 'isthmus dashboard' }],
    run: async (call) => (await import('../commands/dashboard.ts')).runDashboard(call),
  }),
  defineCommand({
    name: 'top',
    group: 'Look into the mesh',
    summary: 'who talks to whom now, how much, and is it encrypted',
    description:
      'Redraws each second on a terminal, until Ctrl-C; elsewhere it prints once. What nobody has\n' +
      'reported is shown as `-`.',
    flags: {
      once: { type: 'boolean', summary: 'print it once, and end' },
      ...within('only edges from or to this namespace'),
      ...outputFlags,
      ...meshApiFlags,
    },
    examples: [
      { says: 'live', command: 'isthmus top' },
      { says: 'for a program', command: 'isthmus top -o json' },
    ],
    run: async (call) => (await import('../commands/top.ts')).runTop(call),
  }),
  defineCommand({
    name: 'tap',
    group: 'Look into the mesh',
    summary: "a workload's connections as they open, move bytes and close",
    operands: [{ name: 'A' }, { name: 'B', isOptional: true }],
    flags: {
      ...within('where A and B are looked for first'),
      output: {
        type: 'string',
        short: 'o',
        values: ['text', 'json'],
        default: 'text',
        summary: 'how to print them, a line each',
      },
      ...meshApiFlags,
    },
    examples: [
      { says: 'all of one workload', command: 'isthmus tap inventory.library' },
      { says: 'between two', command: 'isthmus tap inventory.library postgresql-1-vm' },
    ],
    run: async (call) => (await import('../commands/tap.ts')).runTap(call),
  }),
  defineCommand({
    name: 'graph',
    group: 'Look into the mesh',
    summary: 'the map, as JSON or for Graphviz and Mermaid',
    flags: {
      output: {
        type: 'string',
        short: 'o',
        values: ['json', 'dot', 'mermaid'],
        default: 'json',
        summary: 'how to print it',
      },
      ...within('only what is in this namespace, and what talks to it'),
      ...meshApiFlags,
    },
    examples: [
      { says: 'a picture', command: 'isthmus graph -o dot | dot -Tsvg > mesh.svg' },
      { says: 'for a README', command: 'isthmus graph -o mermaid' },
    ],
    run: async (call) => (await import('../commands/graph.ts')).runGraph(call),
  }),
];
