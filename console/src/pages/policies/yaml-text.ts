// Writes values as YAML so that they fit into a text that is there already.
import { stringify } from 'yaml';
import type { Json } from './json.ts';

/** How far one level is set in, where the text does not say. */
const STEP = 2;

/** One line, as inside of `{}` and `[]`. */
export function flowText(value: Json): string {
  const text = stringify([value], { lineWidth: 0, collectionStyle: 'flow' }).trim();
  // `[ value ]` without its brackets.
  return text.slice(1, -1).trim();
}

/** What stands after `key:`, with the blank or the line break before it. */
export function afterKey(value: Json, indent: number): string {
  const text = blockText(value);
  if (!isBlock(value)) return ` ${text}`;
  const depth = Array.isArray(value) ? indent : indent + STEP;
  return `\n${indented(text, depth)}`;
}

/** `key: value` over as many lines as it takes, all but the first set in. */
export function pairText(key: string, value: Json, indent: number): string {
  return `${flowText(key)}:${afterKey(value, indent)}`;
}

/** `- value`, all lines but the first set in by the dash's own column. */
export function itemText(value: Json, indent: number): string {
  const text = blockText(value);
  return `- ${indented(text, indent + STEP).trimStart()}`;
}

/** Does it take lines of its own? */
export function isBlock(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.keys(value).length > 0;
}

const blockText = (value: Json): string =>
  stringify(value, { lineWidth: 0, indent: STEP, indentSeq: false, blockQuote: false }).trimEnd();

function indented(text: string, depth: number): string {
  const blank = ' '.repeat(depth);
  return text
    .split('\n')
    .map((line) => (line === '' ? line : blank + line))
    .join('\n');
}

/** The value in the quotes that the scalar has now, so that nothing else of its line changes. */
export function scalarText(value: Json, style: string | undefined, isInFlow: boolean): string {
  if (typeof value === 'string' && style === 'QUOTE_DOUBLE') return JSON.stringify(value);
  if (typeof value === 'string' && style === 'QUOTE_SINGLE' && !/[\n\r\t]/.test(value)) {
    return `'${value.replaceAll("'", "''")}'`;
  }
  return isInFlow ? flowText(value) : blockText(value);
}
