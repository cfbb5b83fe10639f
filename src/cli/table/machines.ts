// Commands that bring a virtual machine into the mesh, step by step.
import { defineCommand, type Command } from '../command.ts';
import { kubeFlags } from '../common-flags.ts';
import { PROTOCOLS } from '../register/protocols.ts';

export const MACHINES: readonly Command[] = [
  defineCommand({
    name: 'register',
    group: 'Virtual machines',
    summary: 'give a workload on a VM a name in the mesh',
    description:
      'Makes what the mesh and its map need: Service, ServiceEntry and WorkloadEntry, the\n' +
      'ServiceAccount that is its identity, WorkloadGroup and Sidecar. Run again, it changes only\n' +
      'what differs; with another IP it adds a machine to the same service. What it did not make\n' +
      'it does not touch.',
    operands: [{ name: 'NAME' }, { name: 'IP' }, { name: 'PORT[:NAME]', isMany: true }],
    flags: {
      label: {
        type: 'string',
        short: 'l',
        multiple: true,
        value: 'KEY=VALUE',
        summary: 'label of the workload; app is NAME and version v1 unless given',
      },
      'service-account': {
        type: 'string',
        value: 'NAME',
        summary: "the workload's identity, instead of NAME; made if it is not there",
      },
      protocol: {
        type: 'string',
        values: PROTOCOLS,
        default: 'tcp',
        value: 'PROTOCOL',
        summary: `what ports speak whose name does not say it: ${PROTOCOLS.join(', ')}`,
      },
      'dry-run': { type: 'boolean', summary: 'print the objects as YAML, and make nothing' },
      ...kubeFlags,
    },
    examples: [
      {
        says: 'a PostgreSQL on a VM, as postgresql-1-vm.default.svc.cluster.local:5432',
        command: 'isthmus register postgresql-1-vm 10.128.0.14 5432',
      },
      {
        says: 'several ports, of which one speaks HTTP; version v2 on the map',
        command: 'isthmus register billing 10.128.0.20 9000:tcp 8080:http-admin -l version=v2',
      },
      {
        says: 'what it would make, for a repository',
        command: 'isthmus register postgresql-1-vm 10.128.0.14 5432 --dry-run > vm.yaml',
      },
    ],
    run: async (call) => (await import('../commands/register.ts')).runRegister(call),
  }),
  defineCommand({
    name: 'deregister',
    group: 'Virtual machines',
    summary: 'take a name, or one of its machines, out of the mesh again',
    description:
      'Removes only what register made. What several machines of a service share goes with the\n' +
      'last of them.',
    operands: [{ name: 'NAME' }, { name: 'IP', isOptional: true }],
    flags: kubeFlags,
    examples: [
      { says: 'the whole service', command: 'isthmus deregister postgresql-1-vm' },
      { says: 'one of its machines', command: 'isthmus deregister postgresql-1-vm 10.128.0.14' },
    ],
    run: async (call) => (await import('../commands/register.ts')).runDeregister(call),
  }),
];
