// Commands that ask what the console shows: both read one API.
import { defineCommand, type Command } from '../command.ts';
import { meshApiFlags, outputFlags } from '../common-flags.ts';

export const QUESTIONS: readonly Command[] = [
  defineCommand({
    name: 'why',
    group: 'Look into the mesh',
    summary: 'can A reach B, and why (not), step by step',
    description:
      'Goes the way of a connection in eleven steps; the first that fails is the reason. Each says\n' +
      'what it rests on: configured, observed in traffic, or probed. With --probe the agents of both\n' +
      'ends try it, which needs the right to probe.\n\n' +
      'Ends with status 0 when A can, 1 when it cannot, 2 when nobody can tell.',
    operands: [{ name: 'A' }, { name: 'B[:PORT]' }],
    flags: {
      probe: { type: 'boolean', summary: 'open real connections to find out' },
      ...outputFlags,
      ...meshApiFlags,
    },
    examples: [
      { says: 'from a Pod to a VM', command: 'isthmus why inventory.library postgresql-1-vm:5432' },
      { says: 'and try it', command: 'isthmus why inventory.library db.default:5432 --probe' },
    ],
    run: async (call) => (await import('../commands/why.ts')).runWhy(call),
  }),
  defineCommand({
    name: 'identity',
    group: 'Look into the mesh',
    summary: 'who is who, encrypted how, until when',
    description:
      'Certificates as the control plane issued them or was shown them; what is not known is said to\n' +
      'be unknown, which is not "none".',
    operands: [{ name: 'WORKLOAD', isOptional: true }],
    flags: { ...outputFlags, ...meshApiFlags },
    examples: [
      { says: 'everybody', command: 'isthmus identity' },
      { says: 'one', command: 'isthmus identity postgresql-1-vm.default -o json' },
    ],
    run: async (call) => (await import('../commands/identity.ts')).runIdentity(call),
  }),
];
