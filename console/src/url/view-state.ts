// All that a link to a view carries, and how it is written in the query. Pure: a link that was
// copied shows the same view elsewhere, so reading back what was written gives the same state.

export const GROUPS = ['network', 'namespace', 'none'] as const;
export const LABELS = ['rate', 'conn', 'latency', 'identity', 'none'] as const;
export const RANGES = ['5m', '1h', '24h'] as const;
export const VIEWS = ['graph', 'table'] as const;
export const FITS = ['auto', 'manual'] as const;
export const THEMES = ['system', 'light', 'dark'] as const;

/** What a chart is laid over with. */
export type Compared =
  | { readonly kind: 'edge'; readonly id: string }
  /** The same at another time: its window ends then. */
  | { readonly kind: 'time'; readonly atMs: number };

export type ViewState = {
  /** Namespaces shown; empty: all. */
  readonly ns: readonly string[];
  readonly q: string;
  readonly hide: string;
  readonly group: (typeof GROUPS)[number];
  readonly label: (typeof LABELS)[number];
  /** `wl:…`, `host:…`, `ip:…`, or `edge:<id>`; empty: nothing is selected. */
  readonly sel: string;
  /** Of the drawer: `mesh`, `alerts`, or that of what is selected. */
  readonly panel: string;
  readonly tab: string;
  /** Null: live. */
  readonly at: number | null;
  readonly range: (typeof RANGES)[number];
  /** Null: a chart is alone. */
  readonly cmp: Compared | null;
  readonly view: (typeof VIEWS)[number];
  readonly fit: (typeof FITS)[number];
  readonly theme: (typeof THEMES)[number];
  readonly wall: boolean;
};

export const DEFAULTS: ViewState = {
  ns: [],
  q: '',
  hide: '',
  group: 'network',
  label: 'rate',
  sel: '',
  panel: '',
  tab: '',
  at: null,
  range: '5m',
  cmp: null,
  view: 'graph',
  fit: 'auto',
  theme: 'system',
  wall: false,
};

export type ParsedView = {
  readonly state: ViewState;
  /** Parameters of pages, or of a newer console: kept as they are. */
  readonly others: readonly (readonly [string, string])[];
  /** Values that mean nothing, in words. */
  readonly problems: readonly string[];
};

type Codec<T> = {
  /** Undefined: the value means nothing. */
  read(text: string): T | undefined;
  write(value: T): string;
};

const text: Codec<string> = { read: (value) => value, write: (value) => value };

const oneOf = <const T extends string>(values: readonly T[]): Codec<T> => ({
  read: (value) => values.find((one) => one === value),
  write: (value) => value,
});

const names: Codec<readonly string[]> = {
  read: (value) => value.split(',').filter((name) => name !== ''),
  write: (value) => value.join(','),
};

const instant: Codec<number | null> = {
  read: (value) => {
    const atMs = Date.parse(value);
    return Number.isNaN(atMs) ? undefined : atMs;
  },
  write: (value) => (value === null ? '' : new Date(value).toISOString()),
};

const EDGE = 'edge:';

/** `edge:<id>`, or a time. */
export const COMPARED: Codec<Compared> = {
  read: (value) => {
    if (value.startsWith(EDGE) && value !== EDGE) {
      return { kind: 'edge', id: value.slice(EDGE.length) };
    }
    const atMs = instant.read(value);
    return atMs === undefined || atMs === null ? undefined : { kind: 'time', atMs };
  },
  write: (value) => (value.kind === 'edge' ? EDGE + value.id : new Date(value.atMs).toISOString()),
};

const compared: Codec<Compared | null> = {
  read: (value) => COMPARED.read(value),
  write: (value) => (value === null ? '' : COMPARED.write(value)),
};

const flag: Codec<boolean> = {
  read: (value) => ({ '1': true, '0': false })[value],
  write: (value) => (value ? '1' : '0'),
};

const CODECS: { readonly [Name in keyof ViewState]: Codec<ViewState[Name]> } = {
  ns: names,
  q: text,
  hide: text,
  group: oneOf(GROUPS),
  label: oneOf(LABELS),
  sel: text,
  panel: text,
  tab: text,
  at: instant,
  range: oneOf(RANGES),
  cmp: compared,
  view: oneOf(VIEWS),
  fit: oneOf(FITS),
  theme: oneOf(THEMES),
  wall: flag,
};

const NAMES = Object.keys(CODECS) as (keyof ViewState)[];
const isName = (name: string): name is keyof ViewState => Object.hasOwn(CODECS, name);

export function parseView(search: string): ParsedView {
  const state: Record<string, unknown> = { ...DEFAULTS };
  const others: [string, string][] = [];
  const problems: string[] = [];
  for (const [name, value] of new URLSearchParams(search)) {
    if (!isName(name)) others.push([name, value]);
    else {
      const read = CODECS[name].read(value);
      if (read === undefined) problems.push(`${name}=${value.slice(0, 40)} means nothing here`);
      else state[name] = read;
    }
  }
  return { state: state as ViewState, others, problems };
}

/** With its `?`; empty when all is as by default. */
export function formatView(
  state: ViewState,
  others: readonly (readonly [string, string])[] = [],
): string {
  const params = new URLSearchParams();
  for (const name of NAMES) {
    const written = writtenBy(name, state);
    if (written !== writtenBy(name, DEFAULTS)) params.set(name, written);
  }
  for (const [name, value] of others) params.append(name, value);
  // Readable links: these may stand in a query as they are.
  const query = params
    .toString()
    .replaceAll('%3A', ':')
    .replaceAll('%2F', '/')
    .replaceAll('%2C', ',');
  return query === '' ? '' : `?${query}`;
}

function writtenBy(name: keyof ViewState, state: ViewState): string {
  const codec: { write(value: ViewState[keyof ViewState]): string } = CODECS[name];
  return codec.write(state[name]);
}
