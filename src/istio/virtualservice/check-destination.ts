// Istio's rules for where a VirtualService's routes lead, whatever the protocol.
import { isPort } from '../kind-parts.ts';
import type { Reading } from '../schema/reading.ts';
import { checkLabels, isDnsLabel, isHostname, isWildcardHostname } from '../syntax.ts';
import type { Destination } from './http-schema.ts';

type Weighted = { readonly destination: Destination; readonly weight?: number };

/** @param at of the list */
export function checkDestinations(routes: readonly Weighted[], at: Reading): void {
  for (const [index, { destination, weight = 0 }] of routes.entries()) {
    const place = at.item(index);
    if (weight < 0)
      place.property('weight').refuse(`Invalid value: ${weight}: must not be negative`);
    checkDestination(destination, place.property('destination'));
  }
  const sum = routes.reduce((sum, { weight = 0 }) => sum + weight, 0);
  if (routes.length > 1 && sum === 0) at.refuse('Invalid value: weights add up to 0');
}

export function checkDestination({ host, subset, port }: Destination, at: Reading): void {
  if (host === '*' || !isWildcardHostname(host)) {
    at.property('host').refuse(`Invalid value: ${at.quote(host)}: must be a host name`);
  }
  if (subset !== undefined && subset !== '' && !isDnsLabel(subset)) {
    at.property('subset').refuse(`Invalid value: ${at.quote(subset)}: not a subset's name`);
  }
  if (port !== undefined && !isPort(port.number ?? 0)) {
    at.property('port').property('number').refuse('Invalid value: must be 1 to 65535');
  }
}

/** What every kind of match may say of where a connection comes from and arrives. */
export function checkOrigin(
  match: {
    readonly port?: number;
    readonly gateways?: readonly string[];
    readonly sourceLabels?: Readonly<Record<string, string>>;
    readonly sourceNamespace?: string;
  },
  at: Reading,
): void {
  const { port, gateways = [], sourceLabels = {}, sourceNamespace = '' } = match;
  if (port !== undefined && port !== 0 && !isPort(port)) {
    at.property('port').refuse(`Invalid value: ${port}: must be 1 to 65535`);
  }
  checkGatewayNames(gateways, at.property('gateways'));
  checkLabels(sourceLabels, at.property('sourceLabels'));
  if (sourceNamespace !== '' && !isDnsLabel(sourceNamespace)) {
    const place = at.property('sourceNamespace');
    place.refuse(`Invalid value: ${at.quote(sourceNamespace)}: not a namespace's name`);
  }
}

/** `name`, `namespace/name`, or `mesh` for the sidecars. */
export function checkGatewayNames(names: readonly string[], at: Reading): void {
  for (const [index, text] of names.entries()) {
    const [first = '', name, ...rest] = text.split('/');
    const isName = name === undefined ? isHostname(first) : isDnsLabel(name);
    const isNamespace = name === undefined || first === '.' || isDnsLabel(first);
    if (isName && isNamespace && rest.length === 0) continue;
    at.item(index).refuse(`Invalid value: ${at.quote(text)}: must be name or namespace/name`);
  }
}
