// resolv.conf(5) as glibc reads it: which servers were asked before, which domains are appended.
// Pure. A line that cannot be used is a problem to report, never a reason to stop.
import { isIP } from 'node:net';
import { foldCase, labelsOf } from './packet-reader.ts';

export type Upstream = { readonly address: string; readonly port: number };

export type ResolvConf = {
  readonly upstreams: readonly Upstream[];
  /** In lower case, without final dots. */
  readonly search: readonly string[];
  /** Names with fewer dots are tried with the search domains first. */
  readonly ndots: number;
  /** Lines that were left out, each with its number and the reason. */
  readonly problems: readonly string[];
};

/** glibc reads three and ignores the rest (MAXNS). */
const UPSTREAMS_MAX = 3;
/** Kubernetes' limit (dnsConfig.searches); glibc has none since 2.26. */
const SEARCH_MAX = 32;
const NDOTS_DEFAULT = 1;
const NDOTS_MAX = 15;
const DNS_PORT = 53;
/** Larger files are not resolver configuration. */
const TEXT_LENGTH_MAX = 64 << 10;

export function parseResolvConf(text: string): ResolvConf {
  const upstreams: Upstream[] = [];
  const problems: string[] = [];
  let search: readonly string[] = [];
  let ndots = NDOTS_DEFAULT;
  if (text.length > TEXT_LENGTH_MAX) problems.push(`only the first ${TEXT_LENGTH_MAX} bytes count`);
  for (const [index, line] of text.slice(0, TEXT_LENGTH_MAX).split('\n').entries()) {
    const [keyword = '', ...words] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    const report = (problem: string): void => void problems.push(`line ${index + 1}: ${problem}`);
    if (keyword === 'nameserver') {
      const upstream = parseUpstream(words[0] ?? '');
      if (!upstream) report(`not an address: ${words[0] ?? '(nothing)'}`);
      else if (upstreams.length === UPSTREAMS_MAX) report(`more than ${UPSTREAMS_MAX} servers`);
      else upstreams.push(upstream);
    } else if (keyword === 'search' || keyword === 'domain') {
      search = parseSearch(words, report); // the last such line counts
    } else if (keyword === 'options') {
      ndots = words.reduce((found, word) => ndotsOf(word) ?? found, ndots);
    }
  }
  return { upstreams, search, ndots, problems };
}

/** An address, with a zone where it is link-local (`fe80::1%eth0`). */
function parseUpstream(text: string): Upstream | undefined {
  const [address = '', zone] = text.split('%');
  if (isIP(address) === 0 || (zone !== undefined && !/^[\w.-]{1,15}$/.test(zone))) return undefined;
  return { address: text, port: DNS_PORT };
}

function parseSearch(words: readonly string[], report: (problem: string) => void): string[] {
  const domains: string[] = [];
  for (const word of words) {
    const domain = foldCase(word.replace(/\.$/, ''));
    if (domain === '') continue; // "." is the root: nothing is appended
    if (!labelsOf(domain)) report(`not a domain: ${word}`);
    else if (domains.length === SEARCH_MAX) report(`more than ${SEARCH_MAX} search domains`);
    else domains.push(domain);
  }
  return domains;
}

function ndotsOf(word: string): number | undefined {
  const [, count] = /^ndots:([0-9]{1,4})$/.exec(word) ?? [];
  return count === undefined ? undefined : Math.min(Number(count), NDOTS_MAX);
}
