// The flags of a program that parses its own arguments, read from its usage text: so that help and
// completion cannot say anything else. Pure.
import assert from 'node:assert/strict';
import type { FlagSpec, FlagSpecs } from './flags.ts';

/** `  --listen HOST:PORT   where to listen, default 127.0.0.1:6443`. */
const FLAG = /^ {2}--([A-Za-z-]+)(?: (\S+))? {2,}(\S.*)$/;
/** The lines of a long summary begin below it. */
const CONTINUED = /^ {8,}(\S.*)$/;

export function usageFlags(usage: string): FlagSpecs {
  const flags: { name: string; value: string | undefined; text: string }[] = [];
  for (const line of usage.split('\n')) {
    const [, name, value, text = ''] = FLAG.exec(line) ?? [];
    const last = flags.at(-1);
    if (name !== undefined) flags.push({ name, value, text });
    else if (last) last.text += ` ${CONTINUED.exec(line)?.[1] ?? ''}`.trimEnd();
  }
  assert(flags.length > 0, 'a usage text has a line for each flag');
  return Object.fromEntries(flags.map(({ name, value, text }) => [name, flagOf(value, text)]));
}

function flagOf(value: string | undefined, text: string): FlagSpec {
  const fallback = /[,;(] ?default:? (\S+?)\)?$/.exec(text);
  const summary = text
    .slice(0, fallback?.index)
    .replace(/\(repeatable\)/, '')
    .trim();
  if (value === undefined) return { type: 'boolean', summary };
  return {
    type: 'string',
    summary,
    value,
    ...(/^FILE$/.test(value) && { completes: 'file' }),
    ...(/^(DIR|FOLDER)$/.test(value) && { completes: 'folder' }),
    ...(text.includes('(repeatable)') && { multiple: true }),
    ...(fallback?.[1] !== undefined && { default: fallback[1] }),
  };
}
