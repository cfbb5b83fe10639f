// What has left, as the control plane remembers it.
import { get } from '../api/client.ts';
import type { LastKnown } from '../api/types.ts';
import { useLoaded, type Loaded } from './use-loaded.ts';

/** @param id of a node, or `edge:<id>` */
export function useLastKnown(id: string): Loaded<LastKnown> {
  const path = `/api/v1/history/last?of=${encodeURIComponent(id)}`;
  return useLoaded(path, (signal) => get<LastKnown>(path, { signal }));
}
