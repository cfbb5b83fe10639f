// Which fields of which kind have a form. What has none stays in the YAML and is named beside the
// form, so that it never looks like the whole.
import { at, isList, isMap } from './json.ts';
import type { Json, Path } from './json.ts';

/** Where the names come from that a field offers. */
export type Offer = 'identities' | 'namespaces' | 'hosts' | 'ports' | 'methods' | 'labels';

type Part = {
  /** From where the field's list or document begins. */
  readonly key: Path;
  readonly label: string;
  readonly hint?: string;
  readonly offer?: Offer;
};

export type ChoiceSpec = Part & {
  readonly type: 'choice';
  readonly options: readonly string[];
  /** What leaving it out means. */
  readonly unset: string;
};

export type TextSpec = Part & { readonly type: 'text' };

/** A list of words. */
export type WordsSpec = Part & {
  readonly type: 'words';
  /** Shown only when asked for, or when it says something. */
  readonly isRare?: boolean;
};

/** Labels, as `key=value`. */
export type LabelsSpec = Part & { readonly type: 'labels' };

export type ListSpec = Part & {
  readonly type: 'list';
  /** Of one item, before its number: `Rule`. */
  readonly item: string;
  /** What an empty list means. */
  readonly empty: string;
  readonly fields: readonly Field[];
  readonly fresh: Json;
};

/** A map from names to one choice each. */
export type ChoicesSpec = Part & {
  readonly type: 'choices';
  readonly item: string;
  readonly inner: Path;
  readonly options: readonly string[];
};

export type Field = ChoiceSpec | TextSpec | WordsSpec | LabelsSpec | ListSpec | ChoicesSpec;

const words = (label: string, key: Path, offer?: Offer, hint?: string): WordsSpec => ({
  type: 'words',
  key,
  label,
  ...(offer && { offer }),
  ...(hint !== undefined && { hint }),
});

const rare = (label: string, key: Path, offer?: Offer, hint?: string): Field => ({
  ...words(label, key, offer, hint),
  isRare: true,
});

const SELECTOR: Field = {
  type: 'labels',
  key: ['spec', 'selector', 'matchLabels'],
  label: 'Only workloads with these labels',
  hint: 'None: all of the namespace; in the root namespace, all of the mesh.',
  offer: 'labels',
};

const AUTHORIZATION: readonly Field[] = [
  {
    type: 'choice',
    key: ['spec', 'action'],
    label: 'Action',
    options: ['ALLOW', 'DENY', 'AUDIT', 'CUSTOM'],
    unset: 'ALLOW',
  },
  SELECTOR,
  {
    type: 'list',
    key: ['spec', 'rules'],
    label: 'Rules',
    item: 'Rule',
    empty: 'No rule matches anything: as ALLOW, everything is refused.',
    fresh: { from: [{ source: { principals: [] } }] },
    fields: [
      {
        type: 'list',
        key: ['from'],
        label: 'From',
        item: 'Source',
        empty: 'From anybody.',
        fresh: { source: { principals: [] } },
        fields: [
          words('Identities', ['source', 'principals'], 'identities', 'lab/ns/…/sa/…'),
          rare('But not identities', ['source', 'notPrincipals'], 'identities'),
          words('Namespaces', ['source', 'namespaces'], 'namespaces'),
          rare('But not namespaces', ['source', 'notNamespaces'], 'namespaces'),
          rare('Addresses', ['source', 'ipBlocks'], undefined, '10.0.0.0/8'),
        ],
      },
      {
        type: 'list',
        key: ['to'],
        label: 'To',
        item: 'Operation',
        empty: 'To anything there.',
        fresh: { operation: { ports: [] } },
        fields: [
          words('Ports', ['operation', 'ports'], 'ports'),
          rare('But not ports', ['operation', 'notPorts'], 'ports'),
          rare('HTTP methods', ['operation', 'methods'], 'methods'),
          rare('HTTP paths', ['operation', 'paths'], undefined, '/api/*'),
          rare('HTTP hosts', ['operation', 'hosts'], 'hosts'),
        ],
      },
      {
        type: 'list',
        key: ['when'],
        label: 'When',
        item: 'Condition',
        empty: 'Always.',
        fresh: { key: 'source.ip', values: [] },
        fields: [
          { type: 'text', key: ['key'], label: 'Attribute', hint: 'request.headers[x-team]' },
          words('Is one of', ['values']),
          rare('Is none of', ['notValues']),
        ],
      },
    ],
  },
];

const MTLS = ['STRICT', 'PERMISSIVE', 'DISABLE'];

const PEER: readonly Field[] = [
  {
    type: 'choice',
    key: ['spec', 'mtls', 'mode'],
    label: 'Mutual TLS',
    options: MTLS,
    unset: 'as the namespace or the mesh has it',
  },
  SELECTOR,
  {
    type: 'choices',
    key: ['spec', 'portLevelMtls'],
    label: 'Ports that differ',
    item: 'Port',
    inner: ['mode'],
    options: MTLS,
  },
];

const REQUEST: readonly Field[] = [
  SELECTOR,
  {
    type: 'list',
    key: ['spec', 'jwtRules'],
    label: 'Tokens that are taken',
    item: 'Issuer',
    empty: 'None: tokens are not looked at.',
    fresh: { issuer: '', jwksUri: '' },
    fields: [
      { type: 'text', key: ['issuer'], label: 'Issuer', hint: 'https://accounts.example.com' },
      { type: 'text', key: ['jwksUri'], label: 'Keys at', hint: 'https://…/jwks.json' },
      words('Audiences', ['audiences'], undefined, 'any'),
    ],
  },
];

const FORMS: Readonly<Record<string, readonly Field[]>> = {
  AuthorizationPolicy: AUTHORIZATION,
  PeerAuthentication: PEER,
  RequestAuthentication: REQUEST,
};

/** Undefined: this kind is edited as YAML only. */
export const formOf = (kind: string): readonly Field[] | undefined =>
  Object.hasOwn(FORMS, kind) ? FORMS[kind] : undefined;

export const FORM_KINDS: readonly string[] = Object.keys(FORMS);

/** Parts of `spec` that the text has and the form does not show, as `rules[0].when[1].key`. */
export function unshown(value: Json, fields: readonly Field[]): readonly string[] {
  const shown = new Set(fields.flatMap((field) => shownPaths(value, field, [])));
  const spec = at(value, ['spec']);
  return leaves(spec, ['spec'])
    .filter((path) => !prefixes(path).some((prefix) => shown.has(prefix)))
    .map((path) => pathText(path.slice(1)));
}

function shownPaths(value: Json, field: Field, base: Path): readonly string[] {
  const path = [...base, ...field.key];
  if (field.type === 'choices') {
    const map = at(value, path);
    const keys = isMap(map) ? Object.keys(map) : [];
    return keys.map((key) => pathKey([...path, key, ...field.inner]));
  }
  if (field.type !== 'list') return [pathKey(path)];
  const items = at(value, path);
  if (!isList(items)) return [];
  return items.flatMap((_, index) =>
    field.fields.flatMap((inner) => shownPaths(value, inner, [...path, index])),
  );
}

function leaves(value: Json | undefined, path: Path): readonly Path[] {
  if (isList(value)) return value.flatMap((item, index) => leaves(item, [...path, index]));
  if (isMap(value)) {
    return Object.entries(value).flatMap(([key, item]) => leaves(item, [...path, key]));
  }
  return value === undefined ? [] : [path];
}

const prefixes = (path: Path): readonly string[] =>
  path.map((_, index) => pathKey(path.slice(0, index + 1)));

const pathKey = (path: Path): string => JSON.stringify(path);

export function pathText(path: Path): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
}

// ── Words and labels as people type them ────────────────────────────────────────────────────────

/** `app=web, tier=front` */
export function labelsText(value: Json | undefined): string {
  if (!isMap(value)) return '';
  return Object.entries(value)
    .map(([key, label]) => `${key}=${typeof label === 'object' ? JSON.stringify(label) : label}`)
    .join(', ');
}

/** Undefined: no labels. What has no `=` gets an empty value. */
export function labelsFrom(text: string): Json | undefined {
  const labels: Record<string, Json> = {};
  for (const word of wordsFrom(text)) {
    const [key = '', ...rest] = word.split('=');
    if (key !== '') labels[key] = rest.join('=');
  }
  return Object.keys(labels).length === 0 ? undefined : labels;
}

export const wordsFrom = (text: string): readonly string[] =>
  text
    .split(/[\s,]+/)
    .map((word) => word.trim())
    .filter((word) => word !== '');
