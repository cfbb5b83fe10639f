// What Istio's annotations may say, where injection would refuse anything else.
import { parseCidr } from '#base/ip.ts';

/** What is wrong with a value; undefined when nothing is. */
type Check = (value: string) => string | undefined;

const unless =
  (isValid: (value: string) => boolean, problem: (value: string) => string): Check =>
  (value) =>
    isValid(value) ? undefined : problem(value);

const isPort = (text: string): boolean => /^\d{1,5}$/.test(text.trim()) && Number(text) <= 65_535;

const ports = (parameter: string): Check =>
  unless(
    (value) => value.trim() === '' || value.trim().split(',').every(isPort),
    (value) => {
      const bad = value.split(',').find((text) => !isPort(text)) ?? '';
      return `${parameter} invalid: failed parsing port '${bad}'`;
    },
  );

const ranges = (parameter: string): Check =>
  unless(
    (value) => value === '' || value.split(',').every((cidr) => parseCidr(cidr) !== undefined),
    (value) => {
      const bad = value.split(',').find((cidr) => parseCidr(cidr) === undefined) ?? '';
      return `${parameter} invalid: failed parsing cidr '${bad}'`;
    },
  );

const orAll =
  (check: Check): Check =>
  (value) =>
    value === '*' ? undefined : check(value);

const count = unless(
  (value) => /^\d{1,10}$/.test(value) && Number(value) < 2 ** 32,
  (value) => `${JSON.stringify(value)} is not a whole number`,
);

const boolean = unless(
  (value) => /^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(value),
  (value) => `${JSON.stringify(value)} is neither true nor false`,
);

const quantity = unless(
  (value) => /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?$/.test(value),
  (value) => `${JSON.stringify(value)} is not a quantity`,
);

/** Linux allows 15 characters, none of them a slash or a space. */
const interfaces = unless(
  (value) => value === '' || value.split(',').every((name) => /^[^\s/:]{1,15}$/.test(name.trim())),
  (value) => `${JSON.stringify(value)} is not a list of interface names`,
);

const interception = unless(
  (value) => ['REDIRECT', 'TPROXY', 'NONE'].includes(value),
  (value) => `interceptionMode invalid, use REDIRECT,TPROXY,NONE: ${value}`,
);

export const ANNOTATION_VALUES: ReadonlyMap<string, Check> = new Map([
  ['sidecar.istio.io/interceptionMode', interception],
  ['status.sidecar.istio.io/port', ports('statusPort')],
  ['readiness.status.sidecar.istio.io/initialDelaySeconds', count],
  ['readiness.status.sidecar.istio.io/periodSeconds', count],
  ['readiness.status.sidecar.istio.io/failureThreshold', count],
  ['traffic.sidecar.istio.io/includeOutboundIPRanges', orAll(ranges('includeIPRanges'))],
  ['traffic.sidecar.istio.io/excludeOutboundIPRanges', ranges('excludeIPRanges')],
  ['traffic.sidecar.istio.io/includeInboundPorts', orAll(ports('includeInboundPorts'))],
  ['traffic.sidecar.istio.io/excludeInboundPorts', ports('excludeInboundPorts')],
  ['traffic.sidecar.istio.io/excludeOutboundPorts', ports('excludeOutboundPorts')],
  ['traffic.sidecar.istio.io/excludeInterfaces', interfaces],
  ['traffic.sidecar.istio.io/kubevirtInterfaces', interfaces],
  ['istio.io/reroute-virtual-interfaces', interfaces],
  ['prometheus.istio.io/merge-metrics', boolean],
  ['sidecar.istio.io/proxyCPU', quantity],
  ['sidecar.istio.io/proxyCPULimit', quantity],
  ['sidecar.istio.io/proxyMemory', quantity],
  ['sidecar.istio.io/proxyMemoryLimit', quantity],
]);
