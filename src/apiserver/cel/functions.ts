// The functions and methods of CEL's standard library and of Kubernetes' that schemas use. A method
// is a function whose first argument is its receiver.
import { parseCidr, parseIp } from '#base/ip.ts';
import { compilePattern } from '../schema/pattern.ts';
import { CelError, isEqual, isList, isMap, isNumber, typeOf } from './values.ts';
import type { CelDuration, CelUrl, CelValue } from './values.ts';

type Implementation = (args: readonly CelValue[]) => CelValue | undefined;

/** @throws CelError when there is none for these arguments */
export function callFunction(name: string, args: readonly CelValue[]): CelValue {
  const implementation = FUNCTIONS.get(name);
  const result = implementation?.(args);
  if (result === undefined) {
    throw new CelError(`no such overload: ${name}(${args.map(typeOf).join(', ')})`);
  }
  return result;
}

export function isKnownFunction(name: string): boolean {
  return FUNCTIONS.has(name);
}

/** For texts only; other arguments are no overload. */
function onTexts(body: (text: string, ...more: string[]) => CelValue): Implementation {
  return (args) => {
    const texts = args.filter((arg) => typeof arg === 'string');
    const [first, ...rest] = texts;
    return first === undefined || texts.length !== args.length ? undefined : body(first, ...rest);
  };
}

const FUNCTIONS: ReadonlyMap<string, Implementation> = new Map<string, Implementation>([
  ['size', ([value]) => size(value)],
  ['startsWith', onTexts((text, start = '') => text.startsWith(start))],
  ['endsWith', onTexts((text, end = '') => text.endsWith(end))],
  ['contains', onTexts((text, part = '') => text.includes(part))],
  ['matches', onTexts((text, pattern = '') => matches(text, pattern))],
  ['lowerAscii', onTexts((text) => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()))],
  ['upperAscii', onTexts((text) => text.replaceAll(/[a-z]/g, (letter) => letter.toUpperCase()))],
  ['trim', onTexts((text) => text.trim())],
  ['split', onTexts((text, separator = '') => text.split(separator))],
  ['replace', onTexts((text, from = '', to = '') => text.replaceAll(from, () => to))],
  ['indexOf', ([of, item]) => indexOf(of, item)],
  ['substring', ([text, from, to]) => substring(text, from, to)],
  ['charAt', ([text, at]) => substring(text, at, isNumber(at ?? null) ? Number(at) + 1 : null)],
  ['join', ([list, separator = '']) => join(list, separator)],
  ['int', ([value]) => toInt(value)],
  ['double', ([value]) => toDouble(value)],
  ['string', ([value]) => toText(value)],
  ['bool', onTexts((text) => toBool(text))],
  ['type', ([value]) => (value === undefined ? undefined : typeOf(value))],
  ['dyn', ([value]) => value],
  ['duration', onTexts((text) => parseDuration(text))],
  ['timestamp', onTexts((text) => parseTimestamp(text))],
  ['isURL', onTexts((text) => parseUrl(text) !== undefined)],
  ['url', onTexts((text) => toUrl(text))],
  ['getScheme', onUrl(({ url }) => url.protocol.replace(/:$/, '').replace(/^none$/, ''))],
  ['getHost', onUrl(({ url, hasHost }) => (hasHost ? url.host : ''))],
  ['getHostname', onUrl(({ url, hasHost }) => (hasHost ? url.hostname : ''))],
  ['getPort', onUrl(({ url }) => url.port)],
  ['getEscapedPath', onUrl(({ url }) => url.pathname)],
  ['isIP', onTexts((text) => isPlainIp(text))],
  ['isCIDR', onTexts((text) => isPlainCidr(text))],
  ['isSorted', ([list]) => isSorted(list)],
  ['sum', ([list]) => sum(list)],
]);

function size(value: CelValue | undefined): bigint | undefined {
  if (typeof value === 'string') return BigInt(Array.from(value).length);
  if (value === undefined) return undefined;
  if (isList(value)) return BigInt(value.length);
  return isMap(value) ? BigInt(value.size) : undefined;
}

function matches(text: string, pattern: string): boolean {
  try {
    return compilePattern(pattern).test(text);
  } catch (error) {
    throw new CelError(error instanceof Error ? error.message : String(error));
  }
}

function indexOf(of: CelValue | undefined, item: CelValue | undefined): bigint | undefined {
  if (typeof of === 'string' && typeof item === 'string') return BigInt(of.indexOf(item));
  if (of === undefined || item === undefined || !isList(of)) return undefined;
  return BigInt(of.findIndex((one) => isEqual(one, item)));
}

function substring(
  text: CelValue | undefined,
  from: CelValue | undefined,
  to: CelValue | undefined,
): string | undefined {
  if (typeof text !== 'string' || from === undefined || !isNumber(from)) return undefined;
  const start = Number(from);
  const end = to === undefined || to === null || !isNumber(to) ? text.length : Number(to);
  if (start < 0 || end > text.length || start > end) {
    throw new CelError(`index out of range: ${start} to ${end}`);
  }
  return text.slice(start, end);
}

function join(list: CelValue | undefined, separator: CelValue): string | undefined {
  if (list === undefined || !isList(list) || typeof separator !== 'string') return undefined;
  return list.map((item) => (typeof item === 'string' ? item : '')).join(separator);
}

function conversionError(from: string, to: string): CelError {
  return new CelError(`type conversion error from '${from}' to '${to}'`);
}

function toInt(value: CelValue | undefined): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return BigInt(Math.trunc(value));
  if (typeof value !== 'string') return undefined;
  if (!/^[+-]?\d+$/.test(value)) throw conversionError('string', 'int');
  return BigInt(value.replace(/^\+/, ''));
}

function toDouble(value: CelValue | undefined): number | undefined {
  if (value !== undefined && isNumber(value)) return Number(value);
  if (typeof value !== 'string') return undefined;
  const number = Number(value);
  if (value.trim() === '' || Number.isNaN(number)) throw conversionError('string', 'double');
  return number;
}

function toText(value: CelValue | undefined): string | undefined {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null || typeof value === 'object') return undefined;
  return String(value);
}

function toBool(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw conversionError('string', 'bool');
}

const UNIT_NANOSECONDS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Go's duration syntax: `1h30m`, `-1.5s`, `0`. */
function parseDuration(text: string): CelDuration {
  const match = /^([+-]?)((?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/.exec(text);
  if (!match && !/^[+-]?0$/.test(text)) throw conversionError('string', 'google.protobuf.Duration');
  let nanoseconds = 0;
  for (const [, amount = '0', unit = ''] of text.matchAll(/(\d+\.?\d*|\.\d+)([a-zµ]+)/g)) {
    nanoseconds += Number(amount) * (UNIT_NANOSECONDS[unit] ?? 0);
  }
  const sign = text.startsWith('-') ? -1 : 1;
  return { kind: 'duration', nanoseconds: BigInt(Math.round(sign * nanoseconds)) };
}

function parseTimestamp(text: string): CelValue {
  const epochMs = Date.parse(text);
  if (Number.isNaN(epochMs)) throw conversionError('string', 'google.protobuf.Timestamp');
  return { kind: 'timestamp', epochMs };
}

/** As Go's url.ParseRequestURI: an absolute URL, or an absolute path. */
function parseUrl(text: string): CelUrl | undefined {
  if (/[\0-\u0020\u007f]/.test(text)) return undefined;
  if (text.startsWith('/')) {
    return { kind: 'url', url: new URL(`none:${text.replace(/^\/+/, '/')}`), hasHost: false };
  }
  if (!/^[a-zA-Z][a-zA-Z0-9+.-]*:\/\//.test(text) || text.includes('\\')) return undefined;
  return URL.canParse(text) ? { kind: 'url', url: new URL(text), hasHost: true } : undefined;
}

function toUrl(text: string): CelUrl {
  const url = parseUrl(text);
  if (url) return url;
  // eslint-disable-next-line no-control-regex -- just these are what is looked for
  const hasControl = /[\0-\u001f\u007f]/.test(text);
  const fault = hasControl
    ? 'net/url: invalid control character in URL'
    : 'invalid URI for request';
  const why = `parse ${JSON.stringify(text)}: ${fault}`;
  throw new CelError(`URL parse error during conversion from string: ${why}`);
}

function onUrl(body: (url: CelUrl) => string): Implementation {
  return ([value]) =>
    typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'url'
      ? body(value)
      : undefined;
}

/** Kubernetes refuses addresses of IPv4 that are spelt as those of IPv6. */
function isPlainIp(text: string): boolean {
  return parseIp(text)?.version === (text.includes(':') ? 6 : 4);
}

function isPlainCidr(text: string): boolean {
  return parseCidr(text)?.version === (text.includes(':') ? 6 : 4);
}

function isSorted(list: CelValue | undefined): boolean | undefined {
  if (list === undefined || !isList(list)) return undefined;
  const values = list.map((item) => (isNumber(item) || typeof item === 'string' ? item : 0));
  return values.every((item, index) => index === 0 || (values[index - 1] ?? 0) <= item);
}

function sum(list: CelValue | undefined): CelValue | undefined {
  if (list === undefined || !isList(list)) return undefined;
  if (list.every((item) => typeof item === 'bigint')) {
    return list.reduce<bigint>((total, item) => total + item, 0n);
  }
  return list.reduce<number>((total, item) => total + (isNumber(item) ? Number(item) : 0), 0);
}
