// What a policy does, in a few words. Pure.
import { parseAuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import { parseMeshPolicy, parsePolicy } from '#istio/meshpolicy/legacy-policy.ts';
import { parsePeerAuthentication } from '#istio/peerauthentication/peer-authentication.ts';
import { fieldsOf, objectsAt, textAt, textsAt, type Fields } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { specOf } from './targets.ts';

const NOT_IN_FORCE = 'refused';

/** `ALLOW, 2 rules`; `STRICT`; `TLS DISABLE, 2 subsets`. */
export function effectOf(object: KubeObject): string {
  const spec = specOf(object);
  switch (object.kind) {
    case 'AuthorizationPolicy':
      return ofAuthorization(object);
    case 'PeerAuthentication':
      return ofPeers(object);
    case 'MeshPolicy':
    case 'Policy': {
      const parsed = object.kind === 'Policy' ? parsePolicy(object) : parseMeshPolicy(object);
      return parsed.ok ? parsed.value.mode : NOT_IN_FORCE;
    }
    case 'DestinationRule':
      return said([...ofTraffic(fieldsOf(spec['trafficPolicy'])), ofSubsets(spec)]);
    case 'VirtualService':
      return said([
        counted(objectsAt(spec, 'http').length, 'HTTP route'),
        counted(objectsAt(spec, 'tls').length, 'TLS route'),
        counted(objectsAt(spec, 'tcp').length, 'TCP route'),
      ]);
    case 'Sidecar':
      return said(ofSidecar(spec));
    case 'Telemetry':
      return said([
        objectsAt(spec, 'accessLogging').length > 0 ? 'access logs' : '',
        objectsAt(spec, 'tracing').length > 0 ? 'traces' : '',
        objectsAt(spec, 'metrics').length > 0 ? 'metrics' : '',
      ]);
    default: {
      const issuers = objectsAt(spec, 'jwtRules').map((rule) => textAt(rule, 'issuer'));
      return `tokens of ${issuers.join(', ') || 'nobody'}`;
    }
  }
}

function ofAuthorization(object: KubeObject): string {
  const parsed = parseAuthorizationPolicy(object);
  if (!parsed.ok) return NOT_IN_FORCE;
  const { action, rules, isDryRun } = parsed.value;
  const count = `${rules.length} ${rules.length === 1 ? 'rule' : 'rules'}`;
  return `${action}, ${count}${isDryRun ? ', dry run' : ''}`;
}

function ofPeers(object: KubeObject): string {
  const parsed = parsePeerAuthentication(object);
  if (!parsed.ok) return NOT_IN_FORCE;
  const { mode, portLevel } = parsed.value;
  const ports = [...portLevel].map(([port, of]) => `${port} ${of}`);
  return [mode === 'UNSET' ? 'inherits' : mode, ...ports].join(', ');
}

function ofTraffic(policy: Fields): readonly string[] {
  const mode = textAt(fieldsOf(policy['tls']), 'mode');
  const ports = objectsAt(policy, 'portLevelSettings').flatMap((setting) => {
    const portMode = textAt(fieldsOf(setting['tls']), 'mode');
    return portMode === '' ? [] : [`${String(fieldsOf(setting['port'])['number'])} ${portMode}`];
  });
  return [
    mode === '' ? '' : `TLS ${mode}`,
    ...ports,
    policy['loadBalancer'] === undefined ? '' : 'load balancing',
    policy['connectionPool'] === undefined ? '' : 'limits',
    policy['outlierDetection'] === undefined ? '' : 'outlier detection',
  ];
}

const ofSubsets = (spec: Fields): string => counted(objectsAt(spec, 'subsets').length, 'subset');

function ofSidecar(spec: Fields): readonly string[] {
  const egress = objectsAt(spec, 'egress').flatMap((listener) => textsAt(listener, 'hosts'));
  return [
    textAt(fieldsOf(spec['outboundTrafficPolicy']), 'mode'),
    egress.length === 0 ? '' : `sees ${egress.slice(0, 3).join(', ')}${more(egress.length - 3)}`,
    counted(objectsAt(spec, 'ingress').length, 'ingress port'),
  ];
}

const more = (count: number): string => (count > 0 ? ` and ${count} more` : '');

/** Empty: there is none. */
const counted = (count: number, what: string): string =>
  count === 0 ? '' : `${count} ${what}${count === 1 ? '' : 's'}`;

const said = (parts: readonly string[]): string =>
  parts.filter((part) => part !== '').join(', ') || 'says nothing';
