// The policies that decide about an edge: those of the workload that is called, on its port.
import type { ReactNode } from 'react';
import { get } from '../../api/client.ts';
import type { MeshNode, WorkloadOverview } from '../../api/types.ts';
import { useLoaded } from '../../components/use-loaded.ts';
import { Link } from '../../router/link.tsx';

type Props = { readonly node: MeshNode | undefined; readonly port: number };

export function Policies({ node, port }: Props): ReactNode {
  if (!node || node.namespace === '') return null;
  return <Deciding node={node} port={port} />;
}

function Deciding({ node, port }: { readonly node: MeshNode; readonly port: number }): ReactNode {
  const path = `/api/v1/workloads/${node.namespace}/${encodeURIComponent(node.name)}/overview`;
  const { value, problem } = useLoaded(path, async (signal) =>
    get<WorkloadOverview>(path, { signal }),
  );
  const policies = value?.policies.filter((one) => one.port === 0 || one.port === port) ?? [];
  return (
    <section aria-label="Policies that decided">
      <h3>Policies that decided</h3>
      {problem && <p className="quiet">Not known: {problem.message}</p>}
      {value && policies.length === 0 && <p className="quiet">None: everybody is allowed.</p>}
      {policies.map(({ kind, namespace, name, effect }) => (
        <p key={`${kind} ${namespace} ${name}`}>
          <Name kind={kind} namespace={namespace} name={name} />{' '}
          <span className="quiet">{effect}</span>
        </p>
      ))}
    </section>
  );
}

type NameProps = { readonly kind: string; readonly namespace: string; readonly name: string };

/** What several objects amount to has no name of its own, and no page. */
function Name({ kind, namespace, name }: NameProps): ReactNode {
  if (name === '') return kind;
  return (
    <Link to={`/policies/${kind}/${namespace}/${name}`}>
      {kind} {namespace}/{name}
    </Link>
  );
}
