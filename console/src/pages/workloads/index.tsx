// One list of all that is in the mesh, and all about one of them.
import type { ReactNode } from 'react';
import { usePlace } from '../../router/location.ts';
import { pathRest } from '../../router/routes.ts';
import { WorkloadDetail } from './detail/page.tsx';
import { WorkloadList } from './list/page.tsx';
import './workloads.css';

export default function WorkloadsPage(): ReactNode {
  const { path } = usePlace();
  const [namespace, name] = pathRest(path);
  if (namespace === undefined || name === undefined) return <WorkloadList />;
  // A key of its own for each: what was read of one is never shown of another.
  return <WorkloadDetail key={`${namespace}/${name}`} namespace={namespace} name={name} />;
}
