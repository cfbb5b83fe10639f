// Rules of a VirtualService that no request reaches, because earlier ones take them all. Says what
// Istio says (analyzeUnreachable… in pkg/config/validation), in its order.
import { fieldsOf, numberAt, objectsAt, textAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { Warning } from './warning.ts';

/** Beyond these, comparing all with all would cost more than it tells. */
const PREFIXES_MAX = 500;

export function unreachableRules(spec: Fields): readonly Warning[] {
  const http = objectsAt(spec, 'http');
  return [
    ...unreachable(http, 'spec.http'),
    ...coveredPrefixes(http),
    ...unreachable(objectsAt(spec, 'tcp'), 'spec.tcp'),
    ...unreachable(objectsAt(spec, 'tls'), 'spec.tls'),
  ];
}

function unreachable(routes: readonly Fields[], field: string): readonly Warning[] {
  const warnings: Warning[] = [];
  const seen = new Map<string, number>();
  let takesAll = false;
  for (const [index, route] of routes.entries()) {
    const matches = objectsAt(route, 'match');
    const place = `${field}[${index}]`;
    const unused = (reason: string): void => {
      const rule = ruleName(route, index);
      warnings.push({ kind: 'unreachable-rule', field: place, rule, reason });
    };
    if (matches.length === 0) {
      if (takesAll) unused('only the last rule can have no matches');
      takesAll = true;
      continue;
    }
    let duplicates = 0;
    for (const [position, match] of matches.entries()) {
      const earlier = seen.get(contentOf(match));
      if (takesAll) unused('route without matches defined before');
      else if (earlier === undefined) seen.set(contentOf(match), index);
      else {
        duplicates += 1;
        warnings.push({
          kind: 'ineffective-match',
          field: `${place}.match[${position}]`,
          rule: ruleName(route, index),
          match: matchName(match, position),
          duplicate: ruleName(routes[earlier] ?? {}, earlier),
        });
      }
    }
    if (duplicates === matches.length) unused('all matches used by prior rules');
  }
  return warnings;
}

/** An HTTP match on a prefix, with all else that it asks for. */
type PrefixMatch = {
  readonly rule: string;
  readonly match: string;
  readonly field: string;
  readonly prefix: string;
  readonly port: number;
  /** Texts to match: `exact …`, `prefix …`, or empty for a regular expression. */
  readonly texts: Readonly<Record<'method' | 'authority', string>>;
  readonly maps: readonly Readonly<Record<string, string>>[];
};

function coveredPrefixes(routes: readonly Fields[]): readonly Warning[] {
  const matches = prefixMatches(routes).slice(0, PREFIXES_MAX);
  return matches.flatMap((earlier, position) =>
    matches
      .slice(position + 1)
      .filter((later) => later.prefix !== earlier.prefix && isCovered(later, earlier))
      .map((later) => ({
        kind: 'ineffective-match' as const,
        field: later.field,
        rule: later.rule,
        match: `${later.match} of prefix ${later.prefix}`,
        duplicate: `${earlier.match} of prefix ${earlier.prefix} on ${earlier.rule}`,
      })),
  );
}

function prefixMatches(routes: readonly Fields[]): readonly PrefixMatch[] {
  const seen = new Set<string>();
  return routes.flatMap((route, index) =>
    objectsAt(route, 'match').flatMap((match, position) => {
      const prefix = textAt(fieldsOf(match['uri']), 'prefix');
      if (prefix === '' || seen.has(contentOf(match))) return [];
      seen.add(contentOf(match));
      return [
        {
          rule: ruleName(route, index),
          match: matchName(match, position),
          field: `spec.http[${index}].match[${position}]`,
          prefix,
          port: numberAt(match, 'port') ?? 0,
          texts: {
            method: textMatch(match['method']) || 'exact GET',
            authority: textMatch(match['authority']),
          },
          maps: [match['headers'], match['queryParams'], match['withoutHeaders']].map(textMatches),
        },
      ];
    }),
  );
}

/** Does whatever fits the later match fit the earlier one, too? */
function isCovered(later: PrefixMatch, earlier: PrefixMatch): boolean {
  return (
    later.prefix.startsWith(earlier.prefix) &&
    later.port === earlier.port &&
    earlier.texts.method.startsWith(later.texts.method) &&
    earlier.texts.authority.startsWith(later.texts.authority) &&
    earlier.maps.every((map, index) => haveSameShape(map, later.maps[index] ?? {}))
  );
}

function haveSameShape(
  earlier: Readonly<Record<string, string>>,
  later: Readonly<Record<string, string>>,
): boolean {
  const names = Object.keys(earlier);
  return (
    names.length === Object.keys(later).length &&
    names.every((name) => {
      const text = later[name];
      return text !== undefined && (earlier[name] ?? '').startsWith(text);
    })
  );
}

function textMatch(value: unknown): string {
  const { exact, prefix } = fieldsOf(value);
  if (typeof exact === 'string' && exact !== '') return `exact ${exact}`;
  return typeof prefix === 'string' && prefix !== '' ? `prefix ${prefix}` : '';
}

function textMatches(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(fieldsOf(value));
  return Object.fromEntries(entries.map(([name, match]) => [name, textMatch(match)]));
}

/** What a match matches: its name is no part of it, nor is the order of its fields. */
function contentOf(match: Fields): string {
  return JSON.stringify(sorted({ ...match, name: undefined }));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, inner]) => [name, sorted(inner)]));
}

function ruleName(route: Fields, index: number): string {
  const name = textAt(route, 'name');
  return name === '' ? `#${index}` : JSON.stringify(name);
}

function matchName(match: Fields, index: number): string {
  const name = textAt(match, 'name');
  return name === '' ? `#${index}` : JSON.stringify(name);
}
