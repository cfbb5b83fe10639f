// The programs that a mesh consists of, as data for help and completion. Their own parts parse
// their arguments (see each part's config.ts): their flags are read from their usage texts, or kept
// the same by a test.
import { API_SERVER_USAGE } from '#apiserver/config.ts';
import { CONTROL_PLANE_USAGE } from '#controlplane/config.ts';
import type { Command } from '../command.ts';
import { DEMO_USAGE } from '../demo/options.ts';
import type { FlagSpecs } from '../flags.ts';
import { usageFlags } from '../usage-flags.ts';

const text = (value: string, summary: string) => ({ type: 'string', value, summary }) as const;
const folder = (summary: string) => ({ ...text('DIR', summary), completes: 'folder' }) as const;
const file = (summary: string) => ({ ...text('FILE', summary), completes: 'file' }) as const;

export const agentFlags = {
  root: folder('where the paths of Istio begin'),
  meshConfig: file('mesh settings, instead of /etc/istio/config/mesh'),
  discoveryAddress: text('HOST:PORT', 'the control plane'),
  domain: text('DOMAIN', "the workload's DNS domain"),
  concurrency: text('COUNT', "Envoy's worker threads"),
  drainDuration: text('DURATION', 'how long a session outlives what it was let in by'),
  proxyLogLevel: text('LEVEL', "Envoy's log level"),
  proxyAdminPort: text('PORT', "Envoy's admin interface, loopback only"),
  statusPort: text('PORT', 'metrics and health'),
  readyPort: text('PORT', 'readiness'),
} as const satisfies FlagSpecs;

export const PARTS: readonly Command[] = [
  {
    name: 'demo',
    group: 'Start here',
    summary: 'the library story in a lab on this machine',
    operands: [],
    flags: usageFlags(DEMO_USAGE),
    examples: [
      { says: 'at your own pace', command: 'isthmus demo --step' },
      { says: 'tell the story, judge it, end', command: 'isthmus demo --once' },
      {
        says: 'stay up until Ctrl-C, and keep what was seen',
        command: 'isthmus demo --report demo.json',
      },
    ],
    run: async ({ argv, env, signal }) =>
      (await import('../commands/demo.ts')).runDemo(argv, env, signal),
  },
  {
    name: 'apiserver',
    group: 'Parts',
    summary: 'the embedded Kubernetes API server',
    operands: [],
    flags: usageFlags(API_SERVER_USAGE),
    examples: [
      {
        says: 'serve, then use it with kubectl',
        command:
          'isthmus apiserver --data-dir ~/mesh &\n' +
          '  kubectl --kubeconfig ~/mesh/admin.kubeconfig get namespaces',
      },
    ],
    run: async (call) => (await import('../commands/servers.ts')).runApiServerCommand(call),
  },
  {
    name: 'isthmusd',
    group: 'Parts',
    summary: 'the control plane',
    operands: [],
    flags: usageFlags(CONTROL_PLANE_USAGE),
    examples: [
      {
        says: 'for a cluster that is there',
        command: 'isthmus isthmusd --kubeconfig ~/.kube/config',
      },
      {
        says: 'with an API server of its own',
        command: 'isthmus isthmusd --apiserver-data-dir ~/mesh',
      },
    ],
    run: async (call) => (await import('../commands/servers.ts')).runIsthmusdCommand(call),
  },
  {
    name: 'agent',
    group: 'Parts',
    summary: 'the agent beside a workload',
    description:
      'Settings come from flags, the environment, /var/lib/istio/envoy/cluster.env and the mesh\n' +
      'file, in this order; `isthmus vm files` writes those files.',
    operands: [],
    flags: agentFlags,
    examples: [
      { says: 'on a VM that has its files', command: 'sudo isthmus agent' },
      {
        says: 'with settings of its own',
        command: 'sudo ISTIO_INBOUND_PORTS=5432 isthmus agent --drainDuration 10s',
      },
      { says: 'as a gateway, which captures nothing', command: 'isthmus agent proxy router' },
    ],
    run: async (call) => (await import('../commands/servers.ts')).runAgentCommand(call),
  },
  {
    name: 'agent leave',
    group: 'Parts',
    summary: 'take this workload out of the mesh',
    operands: [],
    flags: agentFlags,
    examples: [
      { says: 'sessions drain, capture goes, Envoy ends', command: 'sudo isthmus agent leave' },
    ],
    run: async (call) => (await import('../commands/servers.ts')).runLeaveCommand(call),
  },
];
