// Is a text a regular expression of RE2, the dialect that Istio's kinds are in and Envoy reads?
// One that is not would have Envoy refuse the whole table that it stands in, so it must not pass.
//
// https://github.com/google/re2/wiki/Syntax. What RE2 has and ECMAScript has not is rewritten, what
// it lacks is refused, and ECMAScript's own parser judges the rest.

/** Istio's limit: what is longer costs Envoy more memory than a match is worth. */
const LENGTH_MAX = 1024;
/** RE2's limit of `{n,m}`. */
const REPEAT_MAX = 1000;

/** Escapes that RE2 knows besides punctuation; other digits would be references, which it lacks. */
const ESCAPES = new Set('dDwWsSbBAzaftnrvxpP0');

const POSIX_CLASSES = new Set(
  'alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit'.split(' '),
);

export function isRe2(text: string): boolean {
  const translated = text.length > LENGTH_MAX ? undefined : translate(text);
  if (translated === undefined) return false;
  try {
    return new RegExp(translated) instanceof RegExp;
  } catch {
    return false;
  }
}

/** The same in ECMAScript, as far as syntax goes; undefined where RE2 has no such thing. */
function translate(text: string): string | undefined {
  const reader = new Reader(text);
  let result = '';
  while (!reader.isAtEnd) {
    const piece = reader.isInClass ? pieceOfClass(reader) : pieceOutside(reader);
    if (piece === undefined) return undefined;
    result += piece;
  }
  return result;
}

class Reader {
  readonly text: string;
  position = 0;
  isInClass = false;

  constructor(text: string) {
    this.text = text;
  }

  get isAtEnd(): boolean {
    return this.position >= this.text.length;
  }

  /** Goes past what matches here, if anything does. */
  take(pattern: RegExp): string | undefined {
    const sticky = new RegExp(pattern, 'y');
    sticky.lastIndex = this.position;
    const found = sticky.exec(this.text)?.[0];
    if (found !== undefined) this.position += found.length;
    return found;
  }
}

function pieceOutside(reader: Reader): string | undefined {
  if (reader.take(/\\Q/) !== undefined) {
    reader.take(/[^]*?(\\E|$)/);
    return 'q';
  }
  const escape = reader.take(/\\[^]?/);
  if (escape !== undefined) return translateEscape(escape, reader);
  // flags, with or without a group; named groups; groups that do not capture
  if (reader.take(/\(\?[imsU]*(-[imsU]+)?\)/) !== undefined) return '';
  if (reader.take(/\(\?[imsU]*(-[imsU]+)?:/) !== undefined) return '(?:';
  if (reader.take(/\(\?P?<[A-Za-z_]\w*>/) !== undefined) return '(';
  if (reader.take(/\(\?/) !== undefined) return undefined;
  const repeat = reader.take(/\{\d+(,\d*)?\}/);
  if (repeat !== undefined) return isFewTimes(repeat) ? repeat : undefined;
  if (reader.take(/[*+?}]\+/) !== undefined) return undefined; // possessive
  if (reader.take(/\[\^?\]?/) !== undefined) {
    reader.isInClass = true;
    return '[q';
  }
  return reader.take(/[^]/);
}

function pieceOfClass(reader: Reader): string | undefined {
  const posix = reader.take(/\[:\^?[a-z]*:\]/);
  if (posix !== undefined)
    return POSIX_CLASSES.has(posix.replace(/[[\]:^]/g, '')) ? 'q' : undefined;
  const escape = reader.take(/\\[^]?/);
  if (escape !== undefined) return translateEscape(escape, reader);
  if (reader.take(/\]/) !== undefined) {
    reader.isInClass = false;
    return ']';
  }
  if (reader.take(/\[/) !== undefined) return '\\[';
  return reader.take(/[^]/);
}

function translateEscape(escape: string, reader: Reader): string | undefined {
  const letter = escape.slice(1);
  if (letter === '') return undefined;
  if (/[1-9]/.test(letter)) return undefined; // a reference back
  if (/[a-zA-Z0]/.test(letter) && !ESCAPES.has(letter)) return undefined;
  if (letter === 'p' || letter === 'P') {
    return reader.take(/[A-Z]|\{\^?\w+\}/) === undefined ? undefined : 'q';
  }
  if (letter === 'x') {
    return reader.take(/[0-9a-fA-F]{2}|\{[0-9a-fA-F]{1,6}\}/) === undefined ? undefined : 'q';
  }
  return /[Aza0]/.test(letter) ? 'q' : escape;
}

function isFewTimes(repeat: string): boolean {
  const [low = 0, high = low] = (repeat.match(/\d+/g) ?? []).map(Number);
  return low <= REPEAT_MAX && high <= REPEAT_MAX && low <= high;
}
