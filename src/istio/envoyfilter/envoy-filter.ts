// An EnvoyFilter is checked and kept. Nothing applies it: it patches what Istio would have made,
// and what we make has other names and other parts.
import { UNUSED, type ParseUnused } from '../acted-on.ts';
import { parseObject } from '../kind.ts';
import { checkTargets } from '../policy-target.ts';
import { isRe2 } from '../re2.ts';
import type { Reading } from '../schema/reading.ts';
import { envoyFilterKind } from './schema.ts';
import type { ConfigPatch, FilterMatch } from './schema.ts';

export const parseEnvoyFilter: ParseUnused = (object) =>
  parseObject(envoyFilterKind, object, (spec, _, at) => {
    checkTargets(spec, at);
    for (const [index, patch] of (spec.configPatches ?? []).entries()) {
      checkPatch(patch, at.property('configPatches').item(index));
    }
    return UNUSED;
  });

/** Which of the exclusive matches goes with what is patched. */
const MATCHES = {
  LISTENER: 'listener',
  FILTER_CHAIN: 'listener',
  NETWORK_FILTER: 'listener',
  HTTP_FILTER: 'listener',
  ROUTE_CONFIGURATION: 'routeConfiguration',
  VIRTUAL_HOST: 'routeConfiguration',
  HTTP_ROUTE: 'routeConfiguration',
  CLUSTER: 'cluster',
} as const;

const VERSION_LENGTH_MAX = 1024;

const HTTP_CONNECTION_MANAGER = 'envoy.filters.network.http_connection_manager';
/** Its name before Envoy 1.14. */
const OLD_CONNECTION_MANAGER = 'envoy.http_connection_manager';

function checkPatch({ applyTo = 'INVALID', match = {}, patch }: ConfigPatch, at: Reading): void {
  if (match.context === 'WAYPOINT') return; // Istio does not look at these yet
  if (applyTo === 'INVALID') at.property('applyTo').missing();
  if (patch === undefined) return void at.property('patch').missing();
  const { operation = 'INVALID', value } = patch;
  const place = at.property('patch');
  if (operation === 'INVALID') place.property('operation').missing();
  if (operation !== 'REMOVE' && value === undefined) place.property('value').missing();
  // of what else it holds only Envoy could tell
  if (value?.['name'] !== undefined && typeof value['name'] !== 'string') {
    place.property('value').property('name').wrongType('string', value['name']);
  }
  checkMatch({ applyTo, match }, at.property('match'));
}

function checkMatch(
  { applyTo, match }: Required<Pick<ConfigPatch, 'applyTo' | 'match'>>,
  at: Reading,
): void {
  const version = match.proxy?.proxyVersion ?? '';
  // Istio leaves longer ones unread, and says so
  if (version.length <= VERSION_LENGTH_MAX && !isRe2(version)) {
    const place = at.property('proxy').property('proxyVersion');
    place.refuse(`Invalid value: ${at.quote(version)}: not a regular expression`);
  }
  const wanted = isPatchable(applyTo) ? MATCHES[applyTo] : undefined;
  for (const name of ['listener', 'routeConfiguration', 'cluster'] as const) {
    if (wanted === undefined || name === wanted || match[name] === undefined) continue;
    at.property(name).refuse(`Forbidden: ${applyTo} is matched by ${wanted}`);
  }
  const chain = match.listener?.filterChain;
  if (chain?.filter === undefined) return;
  const place = at.property('listener').property('filterChain').property('filter');
  checkFilter(chain.filter, { at: place, isHttp: applyTo === 'HTTP_FILTER' });
}

const isPatchable = (applyTo: string): applyTo is keyof typeof MATCHES =>
  Object.hasOwn(MATCHES, applyTo);

function checkFilter(
  { name = '', subFilter }: FilterMatch,
  { at, isHttp }: { readonly at: Reading; readonly isHttp: boolean },
): void {
  if (name === '') at.property('name').missing();
  if (subFilter === undefined) return;
  const place = at.property('subFilter');
  if (!isHttp) place.refuse('Forbidden: only an HTTP_FILTER stands within another');
  else if (name !== HTTP_CONNECTION_MANAGER && name !== OLD_CONNECTION_MANAGER) {
    place.refuse(`Forbidden: only ${HTTP_CONNECTION_MANAGER} has filters within`);
  }
  if ((subFilter.name ?? '') === '') place.property('name').missing();
}
