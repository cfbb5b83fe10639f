// From the API's Pod to the node's view of it. Defaults are those of core/v1, for a Pod that did
// not get them from its API server.
import type { KubeObject } from '#kube/objects.ts';
import { isRecord } from '#kube/objects.ts';
import {
  type Fields,
  fieldsOf,
  numberAt,
  objectsAt,
  textAt,
  textsAt,
  textMapOf,
} from '#kube/fields.ts';
import { optionalFieldsAt } from './fields.ts';
import { readContainer } from './read-container.ts';
import { readVolume } from './read-volume.ts';
import type {
  DnsConfig,
  PodSpec,
  PodView,
  RecordedContainer,
  RecordedStatus,
  RestartPolicy,
} from './spec.ts';

const GRACE_SECONDS_DEFAULT = 30;

export function readPod(object: KubeObject): PodView {
  const { metadata } = object;
  const spec = isRecord(object.spec) ? object.spec : {};
  const status = isRecord(object.status) ? object.status : {};
  const meta: Fields = { ...metadata };
  const graceSeconds =
    numberAt(meta, 'deletionGracePeriodSeconds') ??
    numberAt(spec, 'terminationGracePeriodSeconds') ??
    GRACE_SECONDS_DEFAULT;
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    labels: textMapOf(meta['labels']),
    annotations: textMapOf(meta['annotations']),
    deletion: metadata.deletionTimestamp === undefined ? undefined : { graceSeconds },
    spec: readPodSpec(spec),
    recorded: readRecorded(status),
  };
}

function readPodSpec(spec: Fields): PodSpec {
  const security = fieldsOf(spec, 'securityContext');
  const container = (it: Fields) => readContainer(it, security);
  return {
    serviceAccount: textAt(spec, 'serviceAccountName') || 'default',
    automountsToken: spec['automountServiceAccountToken'] !== false,
    restartPolicy: restartPolicyOf(textAt(spec, 'restartPolicy')),
    graceSeconds: numberAt(spec, 'terminationGracePeriodSeconds') ?? GRACE_SECONDS_DEFAULT,
    activeDeadlineSeconds: numberAt(spec, 'activeDeadlineSeconds'),
    hostname: textAt(spec, 'hostname'),
    subdomain: textAt(spec, 'subdomain'),
    hostAliases: objectsAt(spec, 'hostAliases').map((alias) => ({
      ip: textAt(alias, 'ip'),
      names: textsAt(alias, 'hostnames'),
    })),
    dnsPolicy: textAt(spec, 'dnsPolicy') || 'ClusterFirst',
    dns: readDns(fieldsOf(spec, 'dnsConfig')),
    usesHostNetwork: spec['hostNetwork'] === true,
    readinessGates: objectsAt(spec, 'readinessGates').map((gate) => textAt(gate, 'conditionType')),
    initContainers: objectsAt(spec, 'initContainers').map(container),
    containers: objectsAt(spec, 'containers').map(container),
    volumes: objectsAt(spec, 'volumes').map(readVolume),
  };
}

function restartPolicyOf(text: string): RestartPolicy {
  return text === 'OnFailure' || text === 'Never' ? text : 'Always';
}

function readDns(dns: Fields): DnsConfig {
  return {
    nameservers: textsAt(dns, 'nameservers'),
    searches: textsAt(dns, 'searches'),
    options: objectsAt(dns, 'options').map((option) => {
      const value = textAt(option, 'value');
      return value === '' ? textAt(option, 'name') : `${textAt(option, 'name')}:${value}`;
    }),
  };
}

function readRecorded(status: Fields): RecordedStatus {
  const all = [
    ...objectsAt(status, 'initContainerStatuses'),
    ...objectsAt(status, 'containerStatuses'),
  ];
  return {
    phase: textAt(status, 'phase'),
    startTime: textAt(status, 'startTime'),
    conditions: objectsAt(status, 'conditions').map((condition) => ({
      type: textAt(condition, 'type'),
      status: textAt(condition, 'status'),
      lastTransitionTime: textAt(condition, 'lastTransitionTime'),
    })),
    containers: new Map(all.map((one) => [textAt(one, 'name'), readRecordedContainer(one)])),
  };
}

function readRecordedContainer(status: Fields): RecordedContainer {
  const state = fieldsOf(status, 'state');
  const terminated = optionalFieldsAt(state, 'terminated');
  return {
    restartCount: numberAt(status, 'restartCount') ?? 0,
    wasRunning: optionalFieldsAt(state, 'running') !== undefined,
    isCompleted: terminated !== undefined && numberAt(terminated, 'exitCode') === 0,
  };
}
