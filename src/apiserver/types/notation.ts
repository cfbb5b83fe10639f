// The notation of the field tables beside this file: one line of words for each API type.
//
//   core.ServicePort:
//     name:string=1 port:int32=3! targetPort:IntOrString=4
//
// A word is `field:type=number` and then, in this order, what applies; `type?` is a scalar whose
// zero means something other than its absence:
//   ^key        strategic merge joins the list's items by that field (`^` alone: by value)
//   ~           strategic merge keeps only the keys that the patch names (retainKeys)
//   #atomic     server-side apply owns the whole; `#set` and `#map(a,b)` lists are owned by item
//   !           always present in what a server sends
// `...:Type=2` embeds: in JSON its fields stand beside the others, in protobuf it is one message.
// Keys of a map may continue on the next line after their comma.
// Number 0: the field is in JSON only, as kind and apiVersion of an object within another are.
// `[T]` is a list, `{T}` a map with string keys; a type without a package is of the same package.

export type FieldType =
  | { readonly kind: 'scalar'; readonly name: string }
  | { readonly kind: 'list'; readonly of: FieldType }
  | { readonly kind: 'map'; readonly of: FieldType }
  | { readonly kind: 'message'; readonly name: string };

export type ListOwnership =
  | { readonly kind: 'atomic' }
  | { readonly kind: 'set' }
  | { readonly kind: 'map'; readonly keys: readonly string[] };

export type Field = {
  readonly name: string;
  readonly type: FieldType;
  /** The field's number in protobuf. */
  readonly number: number;
  readonly isEmbedded: boolean;
  readonly isRequired: boolean;
  /** A scalar whose zero is a value; of all others protobuf sends the zero for "absent". */
  readonly hasZero: boolean;
  /** Strategic merge by this key; the empty string merges a list of scalars by value. */
  readonly mergeKey: string | undefined;
  readonly retainsKeys: boolean;
  readonly ownership: ListOwnership | undefined;
};

/** Fields by the type's qualified name, `core.ServicePort`. */
export type TypeTable = ReadonlyMap<string, readonly Field[]>;

const NAME = String.raw`(\.\.\.|[\w$-]+):([\w.[\]{}]+)(\??)=(\d+)`;
const MERGE = String.raw`(~?)(?:(\^)([\w-]*))?`;
const OWNERSHIP = String.raw`(?:#(atomic|set|map\(([\w,]+)\)))?`;
const WORD = new RegExp(`^${NAME}${MERGE}${OWNERSHIP}(!?)$`);

/** @throws when the text is not in the notation: a mistake in a table is a bug, found at once */
export function parseTypes(text: string): TypeTable {
  const table = new Map<string, Field[]>();
  let fields: Field[] | undefined;
  let home = '';
  for (const line of text.replaceAll(/,\s+/g, ',').split('\n')) {
    if (line.trim() === '') continue;
    if (!line.startsWith(' ')) {
      const name = line.slice(0, -1);
      if (!/^\w+\.\w+:$/.test(line) || table.has(name)) throw new Error(`bad type ${line}`);
      home = name.slice(0, name.indexOf('.'));
      fields = [];
      table.set(name, fields);
      continue;
    }
    for (const word of line.trim().split(' ')) fields?.push(parseField(word, home));
  }
  return table;
}

function parseField(word: string, home: string): Field {
  const match = WORD.exec(word);
  if (!match) throw new Error(`bad field ${word}`);
  const [
    ,
    name = '',
    type = '',
    optional,
    number,
    retains,
    merge,
    key = '',
    ownership,
    keys,
    required,
  ] = match;
  return {
    name,
    type: parseType(type, home),
    number: Number(number),
    isEmbedded: name === '...',
    isRequired: required === '!',
    hasZero: optional === '?',
    mergeKey: merge === '^' ? key : undefined,
    retainsKeys: retains === '~',
    ownership: parseOwnership(ownership, keys),
  };
}

function parseType(text: string, home: string): FieldType {
  if (text.startsWith('[')) return { kind: 'list', of: parseType(text.slice(1, -1), home) };
  if (text.startsWith('{')) return { kind: 'map', of: parseType(text.slice(1, -1), home) };
  if (SCALARS.has(text)) return { kind: 'scalar', name: text };
  return { kind: 'message', name: text.includes('.') ? text : `${home}.${text}` };
}

function parseOwnership(text = '', keys = ''): ListOwnership | undefined {
  if (text === 'atomic' || text === 'set') return { kind: text };
  return text.startsWith('map') ? { kind: 'map', keys: keys.split(',') } : undefined;
}

/** What JSON writes as one value, or as any value at all. */
const SCALARS: ReadonlySet<string> = new Set([
  'string',
  'bool',
  'int32',
  'int64',
  'float64',
  'bytes',
  'Time',
  'MicroTime',
  'Duration',
  'Quantity',
  'IntOrString',
  'RawExtension',
  'FieldsV1',
  'any',
  'JSONSchemaPropsOrArray',
  'JSONSchemaPropsOrBool',
  'JSONSchemaPropsOrStringArray',
]);
