// ConfigMap and Secret: data by key, at most 1 MiB of it.
import { fieldOf, keyOf } from '../field-path.ts';
import type { Draft, JsonObject, KubeObject } from '../object.ts';
import { isSameJson, objectAt, stringAt } from '../object.ts';
import type { Violation } from '../violation.ts';
import { duplicate, forbidden, invalid, required, tooLong } from '../violation.ts';
import type { Behaviour } from './kind.ts';

const DATA_BYTES_MAX = 1024 * 1024;
const KEY_LENGTH_MAX = 253;
const KEY = /^[-._a-zA-Z0-9]+$/;

export const CONFIG_MAP: Behaviour = {
  validate(object) {
    const [data, binary] = [objectAt(object, 'data'), objectAt(object, 'binaryData')];
    const both = Object.keys(binary).filter((key) => Object.hasOwn(data, key));
    return [
      ...validateKeys(data, 'data'),
      ...validateKeys(binary, 'binaryData'),
      ...both.map((key) => duplicate(keyOf('binaryData', key), key)),
      ...validateSize([data, binary]),
    ];
  },
  validateUpdate: (next, previous) => validateImmutable(next, previous, ['data', 'binaryData']),
};

/** Fields that a Secret of a type must have in its data. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
};
const TOKEN_TYPE = 'kubernetes.io/service-account-token';
const ACCOUNT_ANNOTATION = 'kubernetes.io/service-account.name';

export const SECRET: Behaviour = {
  defaults(draft) {
    if (stringAt(draft, 'type') === '') draft['type'] = 'Opaque';
    foldStringData(draft);
  },
  validate(object) {
    const data = objectAt(object, 'data');
    const type = stringAt(object, 'type');
    const missing = (NEEDED[type] ?? []).filter((key) => data[key] === undefined);
    return [
      ...validateKeys(data, 'data'),
      ...validateSize([data]),
      ...missing.map((key) => required(keyOf('data', key))),
      ...(type === TOKEN_TYPE && !object.metadata.annotations?.[ACCOUNT_ANNOTATION]
        ? [required(keyOf('metadata.annotations', ACCOUNT_ANNOTATION))]
        : []),
    ];
  },
  validateUpdate(next, previous) {
    const found = validateImmutable(next, previous, ['data']);
    if (next['type'] === previous['type']) return found;
    return [...found, invalid('type', next['type'], 'field is immutable')];
  },
};

/** `stringData` is for writing only: it ends up, encoded, in `data`. */
function foldStringData(draft: Draft): void {
  const plain = Object.entries(objectAt(draft, 'stringData'));
  delete draft['stringData'];
  if (plain.length === 0) return;
  const encoded = plain.map(([key, value]) => [
    key,
    Buffer.from(typeof value === 'string' ? value : '').toString('base64'),
  ]);
  draft['data'] = { ...objectAt(draft, 'data'), ...Object.fromEntries(encoded) };
}

function validateKeys(data: JsonObject, path: string): Violation[] {
  return Object.keys(data).flatMap((key) => {
    const at = keyOf(path, key);
    if (key.length > KEY_LENGTH_MAX)
      return [invalid(at, key, 'must be no more than 253 characters')];
    if (key === '.' || key.startsWith('..')) return [invalid(at, key, `must not be '${key}'`)];
    if (KEY.test(key)) return [];
    const why = `a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`;
    return [invalid(at, key, why)];
  });
}

function validateSize(parts: readonly JsonObject[]): Violation[] {
  const bytes = parts
    .flatMap((part) => Object.values(part))
    .reduce<number>((sum, value) => sum + (typeof value === 'string' ? value.length : 0), 0);
  return bytes > DATA_BYTES_MAX ? [tooLong(fieldOf('', 'data'), DATA_BYTES_MAX)] : [];
}

function validateImmutable(
  next: KubeObject,
  previous: KubeObject,
  fields: readonly string[],
): Violation[] {
  if (previous['immutable'] !== true) return [];
  const why = 'field is immutable when `immutable` is set';
  return ['immutable', ...fields].flatMap((field) =>
    isSameJson(next[field], previous[field]) ? [] : [forbidden(field, why)],
  );
}
