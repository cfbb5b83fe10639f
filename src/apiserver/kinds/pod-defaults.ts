// What Kubernetes fills into a pod's spec, in Pods and in the templates of workloads.
import type { JsonObject } from '../object.ts';
import { isJsonObject, objectAt, objectsAt, stringAt, withFallbacks } from '../object.ts';

const GRACE_SECONDS = 30;
const VOLUME_MODE = 0o644;
const PROBE = {
  timeoutSeconds: 1,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
} as const;

export function podSpecWithDefaults(spec: JsonObject): JsonObject {
  const account = stringAt(spec, 'serviceAccountName') || stringAt(spec, 'serviceAccount');
  return {
    ...withFallbacks(spec, {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: GRACE_SECONDS,
      dnsPolicy: 'ClusterFirst',
      securityContext: {},
      schedulerName: 'default-scheduler',
    }),
    ...(account !== '' && { serviceAccountName: account, serviceAccount: account }),
    ...mapped(spec, 'containers', containerWithDefaults),
    ...mapped(spec, 'initContainers', containerWithDefaults),
    ...mapped(spec, 'volumes', volumeWithDefaults),
  };
}

function mapped(parent: JsonObject, field: string, change: (item: JsonObject) => JsonObject) {
  return parent[field] === undefined
    ? {}
    : { [field]: objectsAt(parent, field).map((item) => change(item)) };
}

function containerWithDefaults(container: JsonObject): JsonObject {
  return {
    ...withFallbacks(container, {
      imagePullPolicy: pullPolicyOf(stringAt(container, 'image')),
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
      resources: {},
    }),
    ...mapped(container, 'ports', (port) => withFallbacks(port, { protocol: 'TCP' })),
    ...mapped(container, 'env', envWithDefaults),
    ...probe(container, 'livenessProbe'),
    ...probe(container, 'readinessProbe'),
    ...probe(container, 'startupProbe'),
  };
}

/** `:latest`, or no tag at all, may change under the same name. */
function pullPolicyOf(image: string): string {
  const name = image.slice(image.lastIndexOf('/') + 1);
  const isPinned = name.includes('@') || (name.includes(':') && !name.endsWith(':latest'));
  return isPinned ? 'IfNotPresent' : 'Always';
}

function envWithDefaults(variable: JsonObject): JsonObject {
  const from = objectAt(variable, 'valueFrom');
  const field = from['fieldRef'];
  if (!isJsonObject(field)) return variable;
  const fieldRef = withFallbacks(field, { apiVersion: 'v1' });
  return { ...variable, valueFrom: { ...from, fieldRef } };
}

function probe(container: JsonObject, field: string): JsonObject {
  const value = container[field];
  if (!isJsonObject(value)) return {};
  const http = value['httpGet'];
  const httpGet = isJsonObject(http) ? withFallbacks(http, { path: '/', scheme: 'HTTP' }) : http;
  return {
    [field]: { ...withFallbacks(value, PROBE), ...(httpGet !== undefined && { httpGet }) },
  };
}

const MODED_VOLUMES = ['secret', 'configMap', 'downwardAPI', 'projected'];

function volumeWithDefaults(volume: JsonObject): JsonObject {
  const moded = MODED_VOLUMES.flatMap((source) => {
    const value = volume[source];
    return isJsonObject(value)
      ? [[source, withFallbacks(value, { defaultMode: VOLUME_MODE })]]
      : [];
  });
  const host = volume['hostPath'];
  return {
    ...volume,
    ...Object.fromEntries(moded),
    ...(isJsonObject(host) && { hostPath: { type: '', ...host } }),
  };
}
