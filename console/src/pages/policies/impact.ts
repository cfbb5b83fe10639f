// What an edit would do to the connections that were seen, in words.
import type { FlowImpact, PolicyImpact, PolicyPreviewRequest } from '../../api/types.ts';

export type Window = PolicyPreviewRequest['window'];

export const WINDOWS: readonly { readonly window: Window; readonly title: string }[] = [
  { window: '1h', title: '1 h' },
  { window: '24h', title: '24 h' },
  { window: '7d', title: '7 days' },
];

const HOUR_MS = 3_600_000;
const WINDOW_MS: Readonly<Record<Window, number>> = {
  '1h': HOUR_MS,
  '24h': 24 * HOUR_MS,
  '7d': 7 * 24 * HOUR_MS,
};

export type ImpactGroup = {
  readonly key: 'refused' | 'allowed' | 'moved' | 'untold' | 'unchanged';
  readonly sign: string;
  readonly title: string;
  /** Said where there is nothing of it, or why it is what it is. */
  readonly note: string;
  readonly flows: readonly FlowImpact[];
};

/** Kinds that take filter chains away. */
const ENDS_BY_ITSELF = new Set(['PeerAuthentication', 'MeshPolicy', 'Policy']);

/** What becomes of the open connections of those who will be refused; empty: they have none. */
export function openNote(impact: PolicyImpact, kind: string): string {
  const open = sum(impact.refused.map(({ openConnections }) => openConnections));
  if (open === 0) return '';
  const theirs = `Their ${count(open, 'open connection')}`;
  const verb = open === 1 ? 's' : '';
  // Its filter chains go, and what runs through them with them.
  if (ENDS_BY_ITSELF.has(kind)) return `${theirs} end${verb} with the drain time.`;
  return `${theirs} stay${verb} until the client or the server ends ${open === 1 ? 'it' : 'them'}.`;
}

/** Worst first. */
export function impactGroups(impact: PolicyImpact, kind: string): readonly ImpactGroup[] {
  return [
    {
      key: 'refused',
      sign: '✗',
      title: 'Will be refused',
      note: `From their next connection on. ${openNote(impact, kind)}`.trim(),
      flows: impact.refused,
    },
    {
      key: 'allowed',
      sign: '+',
      title: 'Newly allowed',
      note: 'They were refused and would get in.',
      flows: impact.allowed,
    },
    {
      key: 'moved',
      sign: '↪',
      title: 'Led elsewhere',
      note: 'They get through, but to others than before.',
      flows: impact.moved,
    },
    {
      key: 'untold',
      sign: '?',
      title: 'Cannot tell',
      note: 'It hangs on something that was never recorded, such as the path of a request.',
      flows: impact.untold,
    },
    {
      key: 'unchanged',
      sign: '✓',
      title: 'Unchanged',
      note: 'Decided as before.',
      flows: impact.unchanged,
    },
  ];
}

/** Then the validator has read no policy out of the text, and nothing was replayed. */
export const hasErrors = ({ diagnostics }: PolicyImpact): boolean =>
  diagnostics.some(({ severity }) => severity === 'error');

/** Who would be refused, however many of their ports. */
export function refusedClients(impact: PolicyImpact): number {
  return new Set(impact.refused.map(({ from, clientIdentity }) => `${from} ${clientIdentity}`))
    .size;
}

/** What the figures rest on, so that they do not promise more than was seen. */
export function honestyLine(impact: PolicyImpact, window: Window): string {
  const { refused, allowed, moved, unchanged, untold } = impact;
  const flows = [refused, allowed, moved, unchanged, untold].flat().length;
  const known = Math.min(impact.coverageMs, WINDOW_MS[window]);
  const span = spanText(known);
  const isShort = known < WINDOW_MS[window] * 0.98;
  const base =
    flows === 0
      ? `No connections were seen in ${span}: nothing here says what would break.`
      : `Based on ${span} of flows; rarer traffic, such as a weekly job, may not be in it.`;
  return isShort ? `${base} The mesh has not been watched for longer than that.` : base;
}

export function spanText(ms: number): string {
  if (ms >= 48 * HOUR_MS) return `${Math.round(ms / 24 / HOUR_MS)} days`;
  if (ms >= HOUR_MS) return `${Math.round(ms / HOUR_MS)} h`;
  return ms < 60_000 ? 'less than a minute' : `${Math.round(ms / 60_000)} min`;
}

/** `inventory.library`, from `wl:library/inventory`. */
export function shortName(id: string): string {
  const [, namespace, name] = /^wl:([^/]*)\/(.*)$/.exec(id) ?? [];
  if (namespace !== undefined && name !== undefined) return `${name}.${namespace}`;
  return id.replace(/^(host|ip):/, '');
}

export const count = (amount: number, noun: string): string =>
  `${amount} ${noun}${amount === 1 ? '' : 's'}`;

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

// ── Applying ────────────────────────────────────────────────────────────────────────────────────

export type Ladder = {
  /** Empty: it can be applied. */
  readonly reason: string;
  readonly label: string;
  /** To be typed before it goes on; 0: nothing. */
  readonly refuses: number;
};

export type LadderInput = {
  readonly isChanged: boolean;
  /** Its comments or layout differ, at least. */
  readonly isTextChanged: boolean;
  /** Why this user may not; empty: may. */
  readonly forbidden: string;
  readonly managedBy: string;
  /** Of the text in the editor; undefined: not known yet. */
  readonly impact: PolicyImpact | undefined;
  /** Of YAML itself. */
  readonly hasProblem: boolean;
};

/** What the button says, or why it cannot be pressed. */
export function ladder(input: LadderInput): Ladder {
  const refuses = input.impact ? refusedClients(input.impact) : 0;
  const label = refuses > 0 ? `Refuse ${count(refuses, 'client')}…` : 'Apply with auto-undo';
  return { reason: reasonOf(input), label, refuses };
}

function reasonOf(input: LadderInput): string {
  if (input.forbidden !== '') return input.forbidden;
  if (input.managedBy !== '') {
    return `${input.managedBy} keeps this policy: a change here would be undone. Change it there.`;
  }
  if (input.hasProblem) return 'The text is not YAML yet.';
  if (!input.isChanged) {
    return input.isTextChanged
      ? 'Only comments and layout are changed: the cluster keeps neither.'
      : 'Nothing is changed.';
  }
  if (!input.impact) return 'Waiting for the preview.';
  const errors = input.impact.diagnostics.filter(({ severity }) => severity === 'error').length;
  return errors > 0 ? `${count(errors, 'error')} in the text.` : '';
}

/** Is what was typed the number of clients? */
export const isNumberTyped = (typed: string, refuses: number): boolean =>
  typed.trim() === String(refuses);

// ── Auto-undo ───────────────────────────────────────────────────────────────────────────────────

/** How long an apply waits for its confirmation, as a router's `commit confirmed`. */
export const delayText = (seconds: number): string =>
  seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;

export type Countdown = { readonly text: string; readonly isOver: boolean; readonly share: number };

/** @param nowMs by the control plane's clock */
export function countdown(revertsAtMs: number, nowMs: number, totalMs: number): Countdown {
  // Clocks differ by a blink: it never counts down from more than there was.
  const leftMs = Math.min(revertsAtMs - nowMs, totalMs);
  if (leftMs <= 0) return { text: 'undoing itself now', isOver: true, share: 0 };
  const seconds = Math.ceil(leftMs / 1000);
  const minutes = Math.floor(seconds / 60);
  const rest = seconds % 60;
  const text = minutes > 0 ? `${minutes} min ${String(rest).padStart(2, '0')} s` : `${rest} s`;
  return { text, isOver: false, share: leftMs / Math.max(1, totalMs) };
}
