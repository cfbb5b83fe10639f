// Tags that users put on the spans of their traces: the same in Telemetry and in MeshConfig's
// `defaultConfig.tracing`.
import { logFormatProblem } from '../meshconfig/log-format.ts';
import { object } from '../schema/object-schema.ts';
import type { Reading } from '../schema/reading.ts';
import { string } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';

export type CustomTag = { readonly name: string } & (
  | { readonly kind: 'literal'; readonly value: string }
  /** Of the proxy's process, not of the application's. */
  | { readonly kind: 'environment'; readonly variable: string; readonly otherwise: string }
  | { readonly kind: 'header'; readonly header: string; readonly otherwise: string }
  /** In the language of access logs. */
  | { readonly kind: 'formatter'; readonly format: string }
);

const named = () => string({ lengthMin: 1 });

export const customTag = object(
  {
    literal: object({ value: named() }, { required: ['value'] }),
    environment: object({ name: named(), defaultValue: string() }, { required: ['name'] }),
    header: object({ name: named(), defaultValue: string() }, { required: ['name'] }),
    formatter: object({ value: named() }, { required: ['value'] }),
  },
  { oneOf: ['literal', 'environment', 'header', 'formatter'] },
);

type Written = Static<typeof customTag>;

/** Sorted by name. What Envoy would refuse, and with it the listener, is refused here. */
export function customTagsOf(
  tags: Readonly<Record<string, Written>>,
  at: Reading,
): readonly CustomTag[] {
  return Object.entries(tags)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, written]) => {
      const place = at.key(name);
      if (name === '') place.refuse('Invalid value: a tag needs a name');
      return tagOf(name, written, place);
    });
}

/** A tag that says nothing is none. */
function tagOf(name: string, written: Written, at: Reading): readonly CustomTag[] {
  const { literal, environment, header, formatter } = written;
  if (literal) return [{ name, kind: 'literal', value: literal.value }];
  if (environment) {
    const { name: variable, defaultValue: otherwise = '' } = environment;
    return [{ name, kind: 'environment', variable, otherwise }];
  }
  if (header) {
    const { name: written, defaultValue: otherwise = '' } = header;
    const place = at.property('header').property('name');
    if (!/^:?[\w!#$%&'*+.^`|~-]+$/.test(written)) {
      place.refuse(`Invalid value: ${place.quote(written)}: no name of a header`);
    }
    return [{ name, kind: 'header', header: written, otherwise }];
  }
  if (formatter) {
    const place = at.property('formatter').property('value');
    const problem = logFormatProblem(formatter.value);
    if (problem) place.refuse(`Invalid value: ${place.quote(formatter.value)}: ${problem}`);
    return [{ name, kind: 'formatter', format: formatter.value }];
  }
  return [];
}
