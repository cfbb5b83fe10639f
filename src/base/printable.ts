// Text of somebody else's, made fit to be shown: on a terminal, in a log, on a page.

/**
 * Without control characters (C0 but tab, DEL, C1, line and paragraph separators, and those that
 * turn the direction of writing, by which a name can be made to look like another), without halves
 * of characters, and at most so long; what is left out is marked by `…`.
 */
export function printable(text: string, lengthMax: number): string {
  const cut = text.length > lengthMax ? `${text.slice(0, Math.max(0, lengthMax - 1))}…` : text;
  return cut.toWellFormed().replaceAll(UNPRINTABLE, '\uFFFD');
}

const UNPRINTABLE = /(?!\t)[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/gu;
