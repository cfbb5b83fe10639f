// Advice about an object that is accepted all the same: it does something, but hardly what its
// author meant. Read leniently, so that an object that is refused for another reason gets it, too.

import { assertNever } from '#base/assert-never.ts';

export type Warning =
  | { readonly kind: 'advice'; readonly field: string; readonly message: string }
  /** A rule of a VirtualService that no request reaches. */
  | {
      readonly kind: 'unreachable-rule';
      readonly field: string;
      readonly rule: string;
      readonly reason: string;
    }
  /** A match of such a rule that an earlier one makes void. */
  | {
      readonly kind: 'ineffective-match';
      readonly field: string;
      readonly rule: string;
      readonly match: string;
      readonly duplicate: string;
    };

export const advice = (field: string, message: string): Warning => ({
  kind: 'advice',
  field,
  message,
});

/** `spec.http[1]: rule #1 not used (only the last rule can have no matches)`. */
export function renderWarning(warning: Warning): string {
  switch (warning.kind) {
    case 'advice':
      return `${warning.field}: ${warning.message}`;
    case 'unreachable-rule':
      return `${warning.field}: rule ${warning.rule} not used (${warning.reason})`;
    case 'ineffective-match': {
      const { field, rule, match, duplicate } = warning;
      const why = `duplicate/overlapping match in rule ${duplicate}`;
      return `${field}: rule ${rule} match ${match} is not used (${why})`;
    }
    default:
      return assertNever(warning);
  }
}
