// Advice about VirtualServices.
import { canonicalIp } from '#base/ip.ts';
import { fieldsOf, objectsAt, textAt, textsAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import { unreachableRules } from './unreachable.ts';
import { advice } from './warning.ts';
import type { Warning } from './warning.ts';

/** A body of this many bytes is sent to every proxy with every change. */
const BODY_BYTES_LARGE = 100 * 1024;

export function virtualServiceWarnings(spec: Fields): readonly Warning[] {
  return [
    ...legacyNames(textsAt(spec, 'gateways'), 'spec.gateways'),
    ...objectsAt(spec, 'http').flatMap((route, index) =>
      routeWarnings(route, `spec.http[${index}]`),
    ),
    ...objectsAt(spec, 'tls').flatMap((route, index) => addressNames(route, `spec.tls[${index}]`)),
    ...unreachableRules(spec),
  ];
}

/** `gateway.namespace`, as before Istio 1.2. */
function legacyNames(names: readonly string[], field: string): readonly Warning[] {
  return names.flatMap((name, index) => {
    const [gateway = '', namespace] = name.split('.');
    if (name.includes('/') || namespace === undefined) return [];
    const recommended = JSON.stringify(`${namespace}/${gateway}`);
    const message = `using legacy gatewayName format ${JSON.stringify(name)}`;
    const form = 'prefer the <namespace>/<name> format';
    return [advice(`${field}[${index}]`, `${message}; ${form}: ${recommended}`)];
  });
}

function routeWarnings(route: Fields, field: string): readonly Warning[] {
  const warnings = objectsAt(route, 'match').flatMap((match, index) =>
    legacyNames(textsAt(match, 'gateways'), `${field}.match[${index}].gateways`),
  );
  const abort = fieldsOf(route['fault'])['abort'];
  const errors = ['httpStatus', 'grpcStatus', 'http2Error'];
  if (abort !== undefined && !errors.some((name) => fieldsOf(abort)[name] !== undefined)) {
    warnings.push(advice(`${field}.fault.abort`, 'abort configured, but error type not set'));
  }
  for (const name of ['mirrorPercent', 'mirror_percent']) {
    if (route[name] === undefined || route[name] === null) continue;
    const message = 'using deprecated setting "mirrorPercent", use "mirrorPercentage" instead';
    warnings.push(advice(`${field}.${name}`, message));
  }
  const body = fieldsOf(route['directResponse'], 'body');
  if (Math.max(textAt(body, 'string').length, textAt(body, 'bytes').length) > BODY_BYTES_LARGE) {
    const message = 'large direct_responses may impact control plane performance';
    warnings.push(advice(`${field}.directResponse.body`, message));
  }
  return warnings;
}

function addressNames(route: Fields, field: string): readonly Warning[] {
  return objectsAt(route, 'match').flatMap((match, index) =>
    textsAt(match, 'sniHosts').flatMap((host, position) => {
      if (canonicalIp(host) === undefined) return [];
      const message = `using an IP address (${JSON.stringify(host)}) goes against SNI spec`;
      const place = `${field}.match[${index}].sniHosts[${position}]`;
      return [advice(place, `${message} and most clients do not support this`)];
    }),
  );
}
