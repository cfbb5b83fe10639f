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
];
