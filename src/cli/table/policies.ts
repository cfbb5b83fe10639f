// Commands that change policies as the console does: with a preview, and a way back.
import { defineCommand, type Command } from '../command.ts';
import { kubeFlags, meshApiFlags, outputFlags } from '../common-flags.ts';

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
    name: 'policy list',
    group: 'Look into the mesh',
    summary: 'list policies: whom they are for, what they do, what is in the way',
    description:
      'AuthorizationPolicy, PeerAuthentication, RequestAuthentication, DestinationRule,\n' +
      'VirtualService, Sidecar, Telemetry, and the MeshPolicy and Policy of old, as far as you may\n' +
      'list them.',
    operands: [],
    flags: { ...outputFlags, ...kubeFlags, ...meshApiFlags },
    examples: [{ says: 'all of them', command: 'isthmus policy list' }],
    run: async (call) => (await import('../commands/policy-views.ts')).runPolicyList(call),
  }),
  defineCommand({
    name: 'policy preview',
    group: 'Look into the mesh',
    summary: 'say whom an edit of a policy would refuse, let in or lead elsewhere',
    description:
      'Nothing is written. The edit is tried in a copy of the mesh on the calls that were seen.\n' +
      'Exits with 1 when the text has errors.',
    operands: [{ name: 'FILE' }],
    flags: {
      window: {
        type: 'string',
        values: ['1h', '24h', '7d'],
        default: '24h',
        summary: 'how far back calls are looked at',
      },
      ...outputFlags,
      ...kubeFlags,
      ...meshApiFlags,
    },
    examples: [
      {
        says: 'a week of calls',
        command: 'isthmus policy preview pg-allow.yaml --window 7d',
      },
    ],
    run: async (call) => (await import('../commands/policy-views.ts')).runPolicyPreview(call),
  }),
  defineCommand({
    name: 'policy apply',
    group: 'Look into the mesh',
    summary: 'apply a policy that undoes itself unless it is kept',
    description:
      'Any kind that `isthmus policy list` shows, in your name. First says whom of those who were\n' +
      'seen in the last 24 hours it will refuse. A policy decides about new connections:\n' +
      '--end-sessions also ends the open ones that it refuses, and no other.',
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
