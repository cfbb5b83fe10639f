// How a book looks and what its status is called: the same for everybody, from the book alone. Pure,
// so that it is tested without a browser.

/** Cloth colours; style.css has them as --cloth-0 … */
const CLOTHS = 10;
const PATTERNS = 4;
/** Of a vertical title line, in characters, by the height of its spine. */
const PIXELS_PER_CHARACTER = 8.2;
const LINES_MAX = 3;
const HEIGHT_MAX = 194;
const LINE_PIXELS = 15;
/** Above and below the title: ornament and sticker. */
const MARGIN_PIXELS = 62;

/** FNV-1a: a small, even hash. */
function hash(text) {
  let value = 0x811c9dc5;
  for (const character of text) {
    value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return value >>> 0;
}

/** A book's binding. The same title looks the same wherever it stands. */
export function lookOf({ title, author }) {
  const seed = hash(`${title}\n${author}`);
  const longestWord = Math.max(...title.split(/\s+/).map((word) => word.length));
  const heightWanted = MARGIN_PIXELS + longestWord * PIXELS_PER_CHARACTER;
  const height = Math.round(Math.min(HEIGHT_MAX, Math.max(158 + (seed % 5) * 9, heightWanted)));
  const lines = wrap(title, Math.floor((height - MARGIN_PIXELS) / PIXELS_PER_CHARACTER));
  const [first = '', second, third] = lines;
  const label = [first, second, lines.length > LINES_MAX ? `${third}…` : third].filter(Boolean);
  return {
    cloth: (seed >>> 4) % CLOTHS,
    pattern: (seed >>> 9) % PATTERNS,
    height,
    width: 20 + label.length * LINE_PIXELS + ((seed >>> 13) % 3) * 3,
    label: label.join('\n'),
  };
}

/** Words into lines of at most so many characters; a word that is longer is cut. */
function wrap(title, lengthMax) {
  const lines = [];
  for (const word of title.split(/\s+/)) {
    const short = word.length > lengthMax ? `${word.slice(0, lengthMax - 1)}…` : word;
    const together = `${lines.at(-1) ?? ''} ${short}`;
    if (lines.length > 0 && together.length <= lengthMax) lines[lines.length - 1] = together;
    else lines.push(short);
  }
  return lines;
}

/** What a status is called; `step` is how far along it is: 1 shelf, 2 queue, 3 records. */
export function wordsFor(status) {
  switch (status.kind) {
    case 'shelved':
      return { step: 1, label: 'On the shelf', detail: 'On its way to the inventory.' };
    case 'queued':
      return { step: 2, label: 'Queued', detail: 'Waits for its record in the inventory.' };
    case 'inserted':
      return { step: 3, label: '✅ Inserted', detail: 'Its record is committed.' };
    case 'failing':
      return {
        step: 2,
        label: '❌ Not inserted yet',
        detail: `${status.reason} (${ordinal(status.attempts)} try; it will be tried again)`,
      };
    case 'refused':
      return { step: 2, label: '❌ Refused', detail: status.reason };
    default:
      return { step: 2, label: 'Unknown', detail: 'The inventory does not answer just now.' };
  }
}

export function ordinal(count) {
  const tens = count % 100;
  const suffix = tens >= 11 && tens <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][count % 10] ?? 'th');
  return `${count}${suffix}`;
}

/** `just now`, `12 s ago`, `3 min ago`, … */
export function ago(ageMs) {
  const seconds = Math.max(0, Math.round(ageMs / 1000));
  if (seconds < 3) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** The newest books of all shelves, newest first. */
export function newest(shelves, count) {
  return shelves
    .flatMap(({ name, books }) => books.map((book) => ({ ...book, shelf: name })))
    .toSorted((a, b) => b.addedAt.localeCompare(a.addedAt))
    .slice(0, count);
}

/** One sentence for all when something is amiss; undefined when nothing is. */
export function noticeFor(view) {
  if (view.missing.includes('catalogue')) return 'The catalogue does not answer. Trying again…';
  if (view.missing.includes('inventory')) {
    return 'The inventory does not answer: what it holds is not known just now.';
  }
  const failing = view.shelves
    .flatMap(({ books }) => books)
    .find(({ status }) => status.kind === 'failing');
  if (!failing) return undefined;
  const others = view.waiting > 1 ? ` ${view.waiting - 1} more wait behind it.` : '';
  return `❌ “${failing.title}” has no record yet: ${failing.status.reason}.${others}`;
}
