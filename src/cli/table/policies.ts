// Commands that change policies as the console does: with a preview, and a way back.
import { defineCommand, type Command } from '../command.ts';
import { kubeFlags, meshApiFlags } from '../common-flags.ts';

const endSessions = {
  type: 'boolean',
  summary: 'end the open TCP sessions of those who are refused then, too: they do not come back',
} as const;

const mode = {
  type: 'string',
  values: ['confirm', 'keep', 'shadow'],
  default: 'confirm',
  summary: 'undone unless kept, kept at once, or evaluated only',
} as const;

const ttl = {
  type: 'string',
  default: '2m',
  value: 'DURATION',
  summary: 'until an apply that nobody keeps is undone; from 5s to 1h',
} as const;

export const POLICIES: readonly Command[] = [
  defineCommand({
    name: 'policy apply',
    group: 'Look into the mesh',
    summary: 'apply a policy that undoes itself unless it is kept',
    description:
      'An AuthorizationPolicy, PeerAuthentication or RequestAuthentication, in your name. First says\n' +
      'whom of those who were seen in the last 24 hours it will refuse. A policy decides about new\n' +
      'connections: --end-sessions also ends the open ones that it refuses, and no other.',
    operands: [{ name: 'FILE' }],
    flags: { mode, ttl, 'end-sessions': endSessions, ...kubeFlags, ...meshApiFlags },
    examples: [
      { says: 'try it for two minutes', command: 'isthmus policy apply pg-allow.yaml' },
      {
        says: 'for good, and cut whom it refuses',
        command: 'isthmus policy apply pg-allow.yaml --mode keep --end-sessions',
      },
    ],
    run: async (call) => (await import('../commands/policy.ts')).runPolicyApply(call),
  }),
  defineCommand({
    name: 'policy delete',
    group: 'Look into the mesh',
    summary: 'delete a policy; it comes back unless that is kept',
    operands: [{ name: 'KIND' }, { name: 'NAME' }],
    flags: {
      mode: {
        ...mode,
        values: ['confirm', 'keep'] as const,
        summary: 'undone unless kept, or kept',
      },
      ttl,
      'end-sessions': endSessions,
      ...kubeFlags,
      ...meshApiFlags,
    },
    examples: [
      {
        says: 'two minutes without it',
        command: 'isthmus policy delete AuthorizationPolicy pg-allow -n default',
      },
    ],
    run: async (call) => (await import('../commands/policy.ts')).runPolicyDelete(call),
  }),
  defineCommand({
    name: 'policy keep',
    group: 'Look into the mesh',
    summary: 'make an applied policy last',
    operands: [{ name: 'KIND' }, { name: 'NAME' }],
    flags: { ...kubeFlags, ...meshApiFlags },
    examples: [
      { says: 'it works', command: 'isthmus policy keep AuthorizationPolicy pg-allow -n default' },
    ],
    run: async (call) => (await import('../commands/policy.ts')).runPolicyKeep(call),
  }),
  defineCommand({
    name: 'policy undo',
    group: 'Look into the mesh',
    summary: 'bring back what was before the last write, for 24 hours after it',
    operands: [{ name: 'KIND' }, { name: 'NAME' }],
    flags: { ...kubeFlags, ...meshApiFlags },
    examples: [
      {
        says: 'it does not',
        command: 'isthmus policy undo AuthorizationPolicy pg-allow -n default',
      },
    ],
    run: async (call) => (await import('../commands/policy.ts')).runPolicyUndo(call),
  }),
];
