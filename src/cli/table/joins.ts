// Commands by which a machine joins with a token.
import { defineCommand, type Command } from '../command.ts';
import { kubeFlags, meshApiFlags, outputFlags } from '../common-flags.ts';

export const JOINS: readonly Command[] = [
  defineCommand({
    name: 'vm token',
    group: 'Virtual machines',
    summary: 'invite a VM: prints the one line to type there',
    description:
      'Registers what is missing of the service, in your name, and prints a line with a token:\n' +
      'good once, for a quarter of an hour, for this one workload. Whoever types it first becomes\n' +
      'that workload: hand it on as you would a key. The VM says its own address unless --ip does.',
    operands: [{ name: 'NAME' }, { name: 'PORT[:NAME]', isOptional: true, isMany: true }],
    flags: {
      service: {
        type: 'string',
        value: 'NAME',
        summary: 'the service that it is a machine of, instead of one of its own name',
      },
      'service-account': {
        type: 'string',
        value: 'NAME',
        summary: "the workload's identity, instead of the service's name",
      },
      network: { type: 'string', value: 'NAME', summary: 'the network that it is in' },
      ip: { type: 'string', value: 'IP', summary: 'the one address that it may have' },
      gateway: {
        type: 'string',
        value: 'IP',
        summary: 'what leads to the control plane, by address or DNS name',
      },
      'token-duration': {
        type: 'string',
        default: '15m',
        value: 'DURATION',
        summary: 'how long the token is good; from 1m to 24h',
      },
      ...kubeFlags,
      ...meshApiFlags,
    },
    examples: [
      { says: 'a PostgreSQL on a VM', command: 'isthmus vm token postgresql-1-vm 5432' },
      {
        says: 'another machine of the same service, at that address only',
        command: 'isthmus vm token books-2 5432 --service books --ip 10.128.0.15',
      },
    ],
    run: async (call) => (await import('../commands/vm-token.ts')).runVmToken(call),
  }),
  defineCommand({
    name: 'vm join',
    group: 'Virtual machines',
    summary: 'take this machine into the mesh, with a token',
    description:
      'Checks who the control plane is by the hash in the token before it sends it, makes a key\n' +
      'that stays here, writes the files of `vm files`, starts the agent and tells the steps as they\n' +
      'happen. Where systemd runs the machine the agent becomes a service of it, else it runs in the\n' +
      'background until the next start. Needs root, Envoy and nft.',
    operands: [{ name: 'TOKEN@ADDRESS', isOptional: true }],
    flags: {
      'token-file': {
        type: 'string',
        value: 'FILE',
        completes: 'file',
        summary: 'has TOKEN@ADDRESS in it; - is standard input: in no history, in no list of ps',
      },
      root: {
        type: 'string',
        value: 'DIR',
        completes: 'folder',
        summary: "where the files' paths begin, as for the agent",
      },
      wait: { type: 'boolean', summary: 'until traffic comes in, too' },
      'no-service': {
        type: 'boolean',
        summary: 'no service of systemd: the agent runs in the background, until the next start',
      },
      timeout: {
        type: 'string',
        default: '2m',
        value: 'DURATION',
        summary: 'how long to watch; the agent goes on after it',
      },
    },
    examples: [
      {
        says: 'the line that vm token printed',
        command: '  sudo isthmus vm join ij1.Qm…@203.0.113.7:15012',
      },
      { says: 'without the token on the line', command: 'sudo isthmus vm join --token-file -' },
    ],
    run: async (call) => (await import('../commands/vm-join.ts')).runVmJoin(call),
  }),
  defineCommand({
    name: 'join-status',
    group: 'Virtual machines',
    summary: 'how far a VM that joins has got, step by step',
    description:
      'Nine steps, each with what was seen and how long it took; of one that fails or is late what\n' +
      'may be wrong, the likeliest first, and a command by which to see.',
    operands: [{ name: 'NAME', isOptional: true }],
    flags: {
      watch: { type: 'boolean', short: 'w', summary: 'go on until it has joined' },
      ...outputFlags,
      ...kubeFlags,
      ...meshApiFlags,
    },
    examples: [
      { says: 'all that have joined, or do', command: 'isthmus join-status' },
      { says: 'one, as it comes in', command: 'isthmus join-status postgresql-1-vm -w' },
    ],
    run: async (call) => (await import('../commands/join-status.ts')).runJoinStatus(call),
  }),
];
