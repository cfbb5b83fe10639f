// Flags that mean the same in every command that has them.
import type { FlagSpecs } from './flags.ts';

/** Which Kubernetes API, as kubectl has it. */
export const kubeFlags = {
  kubeconfig: {
    type: 'string',
    value: 'FILE',
    completes: 'file',
    summary: 'the Kubernetes API to work with, instead of $KUBECONFIG or ~/.kube/config',
  },
  context: { type: 'string', summary: "the kubeconfig's context, instead of its current one" },
  namespace: {
    type: 'string',
    short: 'n',
    summary: "the namespace, instead of the context's",
  },
} as const satisfies FlagSpecs;

/** Of every command that lists something. */
export const outputFlags = {
  output: {
    type: 'string',
    short: 'o',
    values: ['table', 'json', 'yaml'],
    default: 'table',
    summary: 'how to print it',
  },
} as const satisfies FlagSpecs;

export type OutputFormat = (typeof outputFlags.output.values)[number];

export const DEFAULT_ISTHMUSD = 'http://127.0.0.1:15014';

/** Where the control plane answers questions about itself. */
export const isthmusdFlags = {
  isthmusd: {
    type: 'string',
    value: 'URL',
    summary: `the control plane's monitoring port, instead of $ISTHMUSD or ${DEFAULT_ISTHMUSD}`,
  },
} as const satisfies FlagSpecs;

export const DEFAULT_CONSOLE = 'http://127.0.0.1:8080';

/** Where the control plane's API is, and as whom to ask it. */
export const meshApiFlags = {
  'console-url': {
    type: 'string',
    value: 'URL',
    summary: `the console, instead of $ISTHMUS_CONSOLE or ${DEFAULT_CONSOLE}`,
  },
  kubeconfig: kubeFlags.kubeconfig,
  context: kubeFlags.context,
} as const satisfies FlagSpecs;
