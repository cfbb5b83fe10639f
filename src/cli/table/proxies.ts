// Commands that look into the mesh.
import { defineCommand, type Command } from '../command.ts';
import { isthmusdFlags, outputFlags } from '../common-flags.ts';

const namespaceFlag = {
  namespace: { type: 'string', short: 'n', summary: 'where NAME is looked for first' },
} as const;

const lookFlags = { ...namespaceFlag, ...outputFlags, ...isthmusdFlags } as const;

const allFlag = {
  all: { type: 'boolean', summary: 'also what it could reach and has not asked for' },
} as const;

const PROXY = [{ name: 'NAME' }] as const;
const WHO =
  'NAME is a Pod or WorkloadEntry, NAME.NAMESPACE, or what it is registered under.\n' +
  'A proxy holds what it has used: everything else is a question away.';

export const PROXIES: readonly Command[] = [
  defineCommand({
    name: 'proxy-status',
    group: 'Look into the mesh',
    summary: 'who is connected, and has what it asked for',
    operands: [{ name: 'NAME', isOptional: true }],
    flags: { ...outputFlags, ...isthmusdFlags },
    examples: [
      { says: 'all proxies', command: 'isthmus proxy-status' },
      { says: 'one, with what it refuses', command: 'isthmus proxy-status postgresql-1-vm' },
    ],
    run: async (call) => (await import('../commands/proxy-status.ts')).runProxyStatus(call),
  }),
  defineCommand({
    name: 'proxy-config clusters',
    group: 'Look into the mesh',
    summary: "a proxy's destinations, under Istio's names",
    description: WHO,
    operands: PROXY,
    flags: { ...allFlag, ...lookFlags },
    examples: [
      { says: 'what it holds', command: 'isthmus proxy-config clusters inventory' },
      { says: 'and what it could', command: 'isthmus proxy-config clusters inventory --all' },
      {
        says: 'as Envoy has it',
        command: 'isthmus proxy-config clusters postgresql-1-vm -o json',
      },
    ],
    run: async (call) =>
      (await import('../commands/proxy-config.ts')).runProxyConfig('clusters', call),
  }),
  defineCommand({
    name: 'proxy-config endpoints',
    group: 'Look into the mesh',
    summary: 'who is behind them, and whether they take TLS',
    description: WHO,
    operands: PROXY,
    flags: { ...allFlag, ...lookFlags },
    examples: [{ says: 'what it holds', command: 'isthmus proxy-config endpoints inventory' }],
    run: async (call) =>
      (await import('../commands/proxy-config.ts')).runProxyConfig('endpoints', call),
  }),
  defineCommand({
    name: 'proxy-config listeners',
    group: 'Look into the mesh',
    summary: 'what a proxy takes in, and what becomes of it',
    description: WHO,
    operands: PROXY,
    flags: lookFlags,
    examples: [{ says: 'of a VM', command: 'isthmus proxy-config listeners postgresql-1-vm' }],
    run: async (call) =>
      (await import('../commands/proxy-config.ts')).runProxyConfig('listeners', call),
  }),
  defineCommand({
    name: 'proxy-config routes',
    group: 'Look into the mesh',
    summary: 'which request goes where',
    description: WHO,
    operands: PROXY,
    flags: lookFlags,
    examples: [
      {
        says: 'of the gateway',
        command: 'isthmus proxy-config routes istio-ingressgateway -n istio-system',
      },
    ],
    run: async (call) =>
      (await import('../commands/proxy-config.ts')).runProxyConfig('routes', call),
  }),
  defineCommand({
    name: 'proxy-config secrets',
    group: 'Look into the mesh',
    summary: "a workload's certificate, and the mesh's roots",
    description:
      'Shows the certificates that the control plane has issued or was shown. Keys, and what\n' +
      'Envoy serves at this moment, never leave their machine.',
    operands: PROXY,
    flags: lookFlags,
    examples: [{ says: 'of a VM', command: 'isthmus proxy-config secrets postgresql-1-vm' }],
    run: async (call) => (await import('../commands/proxy-config.ts')).runSecrets(call),
  }),
  defineCommand({
    name: 'proxy-config log',
    group: 'Look into the mesh',
    summary: "an Envoy's log levels, to see or to set",
    description:
      "Envoy's admin interface listens on its machine's loopback only: run this there, or through\n" +
      'a port-forward to the Pod.',
    operands: PROXY,
    flags: {
      level: {
        type: 'string',
        value: 'LEVEL',
        summary: 'set this: debug for all loggers, http:debug,upstream:info for some',
      },
      admin: {
        type: 'string',
        value: 'URL',
        default: 'http://127.0.0.1:15000',
        summary: "Envoy's admin interface",
      },
      ...namespaceFlag,
    },
    examples: [
      {
        says: 'on the VM itself',
        command: 'isthmus proxy-config log postgresql-1-vm --level debug',
      },
      {
        says: 'of a Pod',
        command:
          'kubectl port-forward inventory-7d9f 15000 &\n' +
          '  isthmus proxy-config log inventory-7d9f --level upstream:debug',
      },
    ],
    run: async (call) => (await import('../commands/proxy-log.ts')).runProxyLog(call),
  }),
  defineCommand({
    name: 'tls-check',
    group: 'Look into the mesh',
    summary: 'would A speak mesh TLS to B, and would B take it',
    description:
      'A is a workload, B a service or a workload. What A does is read from the configuration that\n' +
      'its proxy gets, what B takes from its policy. Ends with status 1 when they differ.',
    operands: [{ name: 'A' }, { name: 'B' }],
    flags: lookFlags,
    examples: [
      { says: 'from a Pod to a VM', command: 'isthmus tls-check inventory postgresql-1-vm' },
      {
        says: 'to a service of another namespace',
        command: 'isthmus tls-check inventory catalogue.library',
      },
    ],
    run: async (call) => (await import('../commands/proxy-status.ts')).runTlsCheck(call),
  }),
];
