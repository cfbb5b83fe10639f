// Commands that bring a virtual machine into the mesh, step by step.
import { defineCommand, type Command } from '../command.ts';
import { kubeFlags } from '../common-flags.ts';
import { CLOUDS } from '#reach/firewall/cloud-names.ts';
import { PROTOCOLS } from '#registry/register/protocols.ts';

export const MACHINES: readonly Command[] = [
  defineCommand({
    name: 'firewall',
    group: 'Virtual machines',
    summary: 'the rule that lets pods reach a VM',
    description:
      'Prints the command for the cloud at hand, as the nodes of the cluster tell; it changes\n' +
      'nothing. In the lab, --apply puts the rule in force.',
    flags: {
      cloud: {
        type: 'string',
        values: CLOUDS,
        summary: 'in whose words, instead of the cloud of the cluster',
      },
      from: {
        type: 'string',
        isRequired: true,
        value: 'CIDR',
        summary: 'where the traffic comes from: the addresses of the pods',
      },
      to: { type: 'string', isRequired: true, value: 'IP', summary: 'the address of the VM' },
      port: { type: 'string', isRequired: true, value: 'N', summary: 'the TCP port' },
      apply: { type: 'boolean', summary: 'put it in force (in the lab only)' },
      ...kubeFlags,
    },
    examples: [
      {
        says: 'pods to a PostgreSQL, on Google Cloud',
        command: 'isthmus firewall --cloud gcp --from 10.24.0.0/14 --to 10.128.0.14 --port 5432',
      },
      {
        says: 'in the lab, at once',
        command: 'isthmus firewall --from 10.24.0.0/16 --to 10.128.0.14 --port 5432 --apply',
      },
    ],
    run: async (call) => (await import('../commands/firewall.ts')).runFirewall(call),
  }),
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
  defineCommand({
    name: 'vm files',
    group: 'Virtual machines',
    summary: 'write the files that a VM needs to start its agent',
    description:
      'Writes cluster.env, mesh.yaml, root-cert.pem, istio-token and hosts, and prints where on\n' +
      'the machine each goes. The token lets whoever has it be this workload until it ends: copy\n' +
      'it as you would a key. Run it again for a fresh one.',
    operands: [{ name: 'NAME' }],
    flags: {
      gateway: {
        type: 'string',
        value: 'IP',
        summary:
          'what leads to the control plane, by address or DNS name; default: the gateway there is',
      },
      ip: { type: 'string', value: 'IP', summary: 'which machine, where NAME has several' },
      output: {
        type: 'string',
        short: 'o',
        value: 'DIR',
        completes: 'folder',
        summary: 'the folder for the files, instead of ./NAME',
      },
      'token-duration': {
        type: 'string',
        default: '1h',
        value: 'DURATION',
        summary: 'how long the token is good; at least 10m',
      },
      'service-cidr': {
        type: 'string',
        default: '*',
        value: 'CIDR',
        summary: 'what to capture from the first moment; * is the mesh, as the control plane says',
      },
      ...kubeFlags,
    },
    examples: [
      {
        says: 'into ./postgresql-1-vm',
        command: 'isthmus vm files postgresql-1-vm',
      },
      {
        says: 'for a VM that starts tomorrow',
        command:
          'isthmus vm files postgresql-1-vm --gateway lb.example.org -o ~/vm --token-duration 24h',
      },
    ],
    run: async (call) => (await import('../commands/vm-files.ts')).runVmFiles(call),
  }),
];
