// What the inside of the demo says to the outside, which shows it: the story while it happens, what
// it proves, and that visitors may come. Read here as it arrives.
import { isRecord } from '#kube/objects.ts';
import type { Message } from '../line.ts';
import type { Check, Figure } from './checks.ts';
import type { StoryEvent } from './narrator.ts';

export type Telling =
  | StoryEvent
  /** Waits for `go` before it tells on. */
  | { readonly kind: 'pause' }
  /** Doors lead somewhere now; these are for kubectl, and to sign in at the console once. */
  | { readonly kind: 'open'; readonly kubeconfig: string; readonly code: string }
  /** What became of a firewall rule that was asked for; no problem: it is in force. */
  | { readonly kind: 'ruled'; readonly problem: string }
  | { readonly kind: 'judged'; readonly checks: readonly Check[] }
  /** A book that came after the story: so many are in PostgreSQL with it. */
  | { readonly kind: 'book'; readonly title: string; readonly count: number }
  /** It cannot be told to its end: why, and the exit status for that. */
  | { readonly kind: 'failed'; readonly text: string; readonly exitStatus: number };

/** What the outside saw when it went in by the library's door. */
export type OutsideVisit = {
  readonly url: string;
  /** Is it the library's page that answers? */
  readonly isPage: boolean;
  /** Title of the book that was given; empty when it was not taken. */
  readonly book: string;
};

/** @returns undefined for what only another version would say */
export function readTelling(message: Message): Telling | undefined {
  const { kind, text, title, kubeconfig, code, count, checks, exitStatus, problem } = message;
  switch (kind) {
    case 'step':
    case 'command':
    case 'line':
      return typeof text === 'string' ? { kind, text } : undefined;
    case 'failed': {
      const isFailure = typeof text === 'string' && typeof exitStatus === 'number';
      return isFailure ? { kind, text, exitStatus } : undefined;
    }
    case 'chapter':
      return typeof title === 'string' ? { kind, title } : undefined;
    case 'pause':
      return { kind };
    case 'ruled':
      return typeof problem === 'string' ? { kind, problem } : undefined;
    case 'open': {
      const isOpen = typeof kubeconfig === 'string' && typeof code === 'string';
      return isOpen ? { kind, kubeconfig, code } : undefined;
    }
    case 'book': {
      const isBook = typeof title === 'string' && typeof count === 'number';
      return isBook ? { kind, title, count } : undefined;
    }
    case 'judged':
      return Array.isArray(checks) && checks.every(isCheck) ? { kind, checks } : undefined;
    default:
      return undefined;
  }
}

export function readVisit({ url, isPage, book }: Message): OutsideVisit {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return { url: text(url), isPage: isPage === true, book: text(book) };
}

const isCheck = (value: unknown): value is Check =>
  isRecord(value) &&
  typeof value['name'] === 'string' &&
  typeof value['ok'] === 'boolean' &&
  typeof value['says'] === 'string' &&
  isRecord(value['figures']) &&
  Object.values(value['figures']).every(isFigure);

const isFigure = (value: unknown): value is Figure =>
  Array.isArray(value)
    ? value.every((item) => typeof item === 'string')
    : ['string', 'number', 'boolean'].includes(typeof value);
