// Commands that read what workloads write.
import { defineCommand, type Command } from '../command.ts';
import { kubeFlags, meshApiFlags } from '../common-flags.ts';

export const LOGS: readonly Command[] = [
  defineCommand({
    name: 'logs',
    group: 'Look into the mesh',
    summary: "a workload's access, proxy, agent or own log, wherever it runs",
    description:
      'Of Pods and VMs alike, through the control plane: nobody logs in to a machine for it.\n' +
      "--source app is the application's own: of a Pod as kubectl logs has it, of a VM where its\n" +
      'owner has said which log that is (ISTHMUS_APP_LOG).',
    operands: [{ name: 'WORKLOAD' }],
    flags: {
      follow: { type: 'boolean', short: 'f', summary: 'go on with what is written from now on' },
      source: {
        type: 'string',
        values: ['access', 'proxy', 'agent', 'app'],
        default: 'access',
        summary: 'which log',
      },
      lines: { type: 'string', default: '100', value: 'N', summary: 'the last so many first' },
      container: { type: 'string', short: 'c', value: 'NAME', summary: 'of a Pod, with app' },
      ...kubeFlags,
      ...meshApiFlags,
    },
    examples: [
      { says: "a VM's access log, as it is written", command: 'isthmus logs postgresql-1-vm -f' },
      {
        says: 'why a proxy refuses its configuration',
        command: 'isthmus logs postgresql-1-vm --source proxy --lines 20',
      },
    ],
    run: async (call) => (await import('../commands/logs.ts')).runLogs(call),
  }),
];
