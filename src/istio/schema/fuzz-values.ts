// For tests: values that almost fit a schema, so that what lies behind it is reached, too.
import * as fc from 'fast-check';
import { isRecord } from '#kube/objects.ts';

type OpenApi = Readonly<Record<string, unknown>>;

export const isOpenApi = (value: unknown): value is OpenApi => isRecord(value);

const TEXTS = [
  '',
  '*',
  '.',
  'a',
  'tcp',
  'HTTP',
  '80',
  '10s',
  'a.example.com',
  '*.example.com',
  '10.0.0.1',
  '10.0.0.0/8',
  'unix:///a',
  'source.ip',
  'request.headers[a]',
  '__proto__',
];

/** Mostly what the schema asks for; now and then something else. */
export function valueLike(schema: OpenApi): fc.Arbitrary<unknown> {
  const foreign = fc.jsonValue({ maxDepth: 1 });
  return fc.oneof({ weight: 40, arbitrary: fitting(schema) }, { weight: 1, arbitrary: foreign });
}

function fitting(schema: OpenApi): fc.Arbitrary<unknown> {
  switch (schema['type']) {
    case 'string':
      return Array.isArray(schema['enum'])
        ? fc.constantFrom<unknown>(...schema['enum'])
        : fc.constantFrom(...TEXTS);
    case 'integer':
      return fc.constantFrom(0, 1, 80, 5432, 65_536, 4_294_967_296);
    case 'number':
      return fc.constantFrom(-1, 0, 0.5, 100, 101);
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(valueLike(partOf(schema, 'items')), { maxLength: 3 });
    default:
      return schema['additionalProperties'] === undefined
        ? fieldsLike(schema)
        : fc.dictionary(
            fc.constantFrom(...TEXTS),
            valueLike(partOf(schema, 'additionalProperties')),
            { maxKeys: 2 },
          );
  }
}

function fieldsLike(schema: OpenApi): fc.Arbitrary<unknown> {
  const required: readonly unknown[] = Array.isArray(schema['required']) ? schema['required'] : [];
  const fields = Object.entries(partOf(schema, 'properties')).map(([name, property]) => {
    const value = valueLike(isOpenApi(property) ? property : {});
    const isRequired = required.includes(name);
    return [name, isRequired ? value : fc.option(value, { nil: undefined, freq: 2 })] as const;
  });
  return fc.record(Object.fromEntries(fields));
}

function partOf(schema: OpenApi, name: string): OpenApi {
  const part = schema[name];
  return isOpenApi(part) ? part : {};
}
