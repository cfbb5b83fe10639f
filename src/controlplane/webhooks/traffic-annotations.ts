// Istio's annotations on a Pod that say what of its traffic is captured, as the agent's settings.
// https://istio.io/latest/docs/reference/config/annotations/
import { parseCidr } from '#base/ip.ts';

type Annotations = Readonly<Record<string, string>>;

/** Captured by nobody, because the proxy and the agent themselves listen there. */
const OWN_PORTS = '15020,15021,15090';

type Rule = {
  readonly setting: string;
  readonly isValid: (item: string) => boolean;
  readonly allowsAll?: boolean;
  readonly expected: string;
};

const PORTS = {
  isValid: (item: string) => /^\d{1,5}$/.test(item) && Number(item) >= 1 && Number(item) <= 65_535,
  expected: 'ports from 1 to 65535 joined by commas',
};
const RANGES = {
  isValid: (item: string) => parseCidr(item) !== undefined,
  expected: 'address ranges such as 10.0.0.0/8 joined by commas',
};

const RULES: Readonly<Record<string, Rule>> = {
  includeInboundPorts: { setting: 'ISTIO_INBOUND_PORTS', allowsAll: true, ...PORTS },
  excludeInboundPorts: { setting: 'ISTIO_LOCAL_EXCLUDE_PORTS', ...PORTS },
  includeOutboundIPRanges: { setting: 'ISTIO_SERVICE_CIDR', allowsAll: true, ...RANGES },
  excludeOutboundIPRanges: { setting: 'ISTIO_SERVICE_EXCLUDE_CIDR', ...RANGES },
  excludeOutboundPorts: { setting: 'ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE', ...PORTS },
  excludeInterfaces: {
    setting: 'ISTIO_EXCLUDE_INTERFACES',
    isValid: (item) => /^[\w.@-]{1,15}$/.test(item),
    expected: 'names of interfaces joined by commas',
  },
};
const PREFIX = 'traffic.sidecar.istio.io/';
const INTERCEPTION_MODE = 'sidecar.istio.io/interceptionMode';
const MODES = ['REDIRECT', 'NONE'];

export type CaptureSettings =
  | { readonly ok: true; readonly settings: Readonly<Record<string, string>> }
  /** What is wrong, naming the annotation. */
  | { readonly ok: false; readonly problem: string };

/** All of the mesh's traffic, but for what the annotations take out. */
export function readTrafficAnnotations(annotations: Annotations): CaptureSettings {
  const settings: Record<string, string> = { ISTIO_INBOUND_PORTS: '*', ISTIO_SERVICE_CIDR: '*' };
  for (const [name, rule] of Object.entries(RULES)) {
    const text = annotations[PREFIX + name];
    if (text === undefined) continue;
    const items = text.split(',').filter(Boolean);
    const isAll = rule.allowsAll === true && text === '*';
    if (!isAll && !items.every(rule.isValid)) {
      const problem = `annotation ${PREFIX}${name} is "${text}", expected ${rule.expected}`;
      return { ok: false, problem };
    }
    settings[rule.setting] = items.join(',');
  }
  const excluded = settings['ISTIO_LOCAL_EXCLUDE_PORTS'];
  settings['ISTIO_LOCAL_EXCLUDE_PORTS'] = excluded ? `${OWN_PORTS},${excluded}` : OWN_PORTS;
  const mode = annotations[INTERCEPTION_MODE] ?? 'REDIRECT';
  if (!MODES.includes(mode)) {
    const problem = `annotation ${INTERCEPTION_MODE} is "${mode}", expected ${MODES.join(' or ')}`;
    return { ok: false, problem };
  }
  return { ok: true, settings: { ...settings, ISTIO_INBOUND_INTERCEPTION_MODE: mode } };
}
