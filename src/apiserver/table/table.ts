// Tables: what `kubectl get` prints is made by the server.
import { readPath } from '../json-path.ts';
import type { PrinterColumn, ServedKind } from '../kinds/kind.ts';
import { resourceOf } from '../kinds/kind.ts';
import type { Json, JsonObject, KubeObject } from '../object.ts';
import { column, NAME, renderAge, text } from './column.ts';
import type { Column } from './column.ts';
import {
  ACCOUNT_COLUMNS,
  CONFIG_MAP_COLUMNS,
  ENDPOINT_SLICE_COLUMNS,
  ENDPOINTS_COLUMNS,
  EVENT_COLUMNS,
  NAMESPACE_COLUMNS,
  NODE_COLUMNS,
  SECRET_COLUMNS,
  SERVICE_COLUMNS,
} from './core.ts';
import { CRON_JOB_COLUMNS, JOB_COLUMNS } from './jobs.ts';
import { POD_COLUMNS } from './pods.ts';
import {
  BINDING_COLUMNS,
  DAEMON_SET_COLUMNS,
  DEPLOYMENT_COLUMNS,
  LEASE_COLUMNS,
  NAME_AND_AGE,
  NAME_AND_CREATION,
  REPLICA_SET_COLUMNS,
  REPLICATION_CONTROLLER_COLUMNS,
  STATEFUL_SET_COLUMNS,
  WEBHOOK_COLUMNS,
} from './workloads.ts';

const BUILT_IN: Readonly<Record<string, readonly Column[]>> = {
  configmaps: CONFIG_MAP_COLUMNS,
  endpoints: ENDPOINTS_COLUMNS,
  events: EVENT_COLUMNS,
  'events.events.k8s.io': EVENT_COLUMNS,
  namespaces: NAMESPACE_COLUMNS,
  nodes: NODE_COLUMNS,
  pods: POD_COLUMNS,
  replicationcontrollers: REPLICATION_CONTROLLER_COLUMNS,
  secrets: SECRET_COLUMNS,
  serviceaccounts: ACCOUNT_COLUMNS,
  services: SERVICE_COLUMNS,
  'deployments.apps': DEPLOYMENT_COLUMNS,
  'replicasets.apps': REPLICA_SET_COLUMNS,
  'statefulsets.apps': STATEFUL_SET_COLUMNS,
  'daemonsets.apps': DAEMON_SET_COLUMNS,
  'jobs.batch': JOB_COLUMNS,
  'cronjobs.batch': CRON_JOB_COLUMNS,
  'endpointslices.discovery.k8s.io': ENDPOINT_SLICE_COLUMNS,
  'leases.coordination.k8s.io': LEASE_COLUMNS,
  'roles.rbac.authorization.k8s.io': NAME_AND_CREATION,
  'clusterroles.rbac.authorization.k8s.io': NAME_AND_CREATION,
  'rolebindings.rbac.authorization.k8s.io': BINDING_COLUMNS,
  'clusterrolebindings.rbac.authorization.k8s.io': BINDING_COLUMNS,
  'customresourcedefinitions.apiextensions.k8s.io': NAME_AND_CREATION,
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': WEBHOOK_COLUMNS,
  'validatingwebhookconfigurations.admissionregistration.k8s.io': WEBHOOK_COLUMNS,
};

export function columnsOf({ kind, version }: ServedKind): readonly Column[] {
  if (!kind.isCustom) return BUILT_IN[resourceOf(kind)] ?? NAME_AND_AGE;
  return [NAME, ...version.columns.map((one) => customColumn(one))];
}

function customColumn(source: PrinterColumn): Column {
  const { name, format, description, priority, jsonPath } = source;
  const type = COLUMN_TYPES.find((one) => one === source.type) ?? 'string';
  const cell = (object: KubeObject, nowMs: number): Json => {
    const [value] = readPath(object, jsonPath);
    return value === undefined ? null : customCell(type, value, nowMs);
  };
  return { ...column(name, cell, description), type, format, priority };
}

const COLUMN_TYPES = ['string', 'integer', 'number', 'boolean', 'date'] as const;

/** Dates are rendered here, as ages; a value of another type than announced is left out. */
function customCell(type: Column['type'], value: Json, nowMs: number): Json {
  switch (type) {
    case 'date':
      return renderAge(value, nowMs);
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
    case 'boolean':
      return typeof value === type ? value : null;
    default:
      return text(value);
  }
}

/** How much of each object a table carries beside its cells. */
export type IncludeObject = 'Metadata' | 'Object' | 'None';

export type TableOptions = {
  readonly include: IncludeObject;
  readonly nowMs: number;
};

export function renderTable(
  columns: readonly Column[] | undefined,
  rows: readonly Json[],
  metadata: JsonObject,
): JsonObject {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions:
      columns?.map(({ name, type, format, description, priority }) => ({
        name,
        type,
        format,
        description,
        priority,
      })) ?? null,
    rows,
  };
}

export function renderRow(
  columns: readonly Column[],
  object: KubeObject,
  { include, nowMs }: TableOptions,
): JsonObject {
  const cells = columns.map(({ cell }) => cell(object, nowMs));
  const shown = {
    Metadata: () => partialMetadata(object),
    Object: () => object,
    None: () => null,
  }[include]();
  return { cells, object: shown };
}

export function partialMetadata({ metadata }: KubeObject): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
}
