// Addresses of the API about one workload.
import type { MeshNode } from '../../../api/types.ts';

type Named = Pick<MeshNode, 'namespace' | 'name'>;

export type WorkloadTopic = 'overview' | 'connections' | 'proxy' | 'proxy/dump' | 'logs' | 'bundle';

export function workloadApi(
  { namespace, name }: Named,
  topic: WorkloadTopic,
  query: Readonly<Record<string, string>> = {},
): string {
  const given = Object.entries(query).filter(([, value]) => value !== '');
  const search = new URLSearchParams(given).toString();
  const path = `/api/v1/workloads/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  return `${path}/${topic}${search === '' ? '' : `?${search}`}`;
}
