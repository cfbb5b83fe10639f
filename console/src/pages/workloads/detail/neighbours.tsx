// The drawing of a workload between who calls it and whom it calls.
import { useCallback, useMemo, type ReactNode } from 'react';
import type { MeshEdge, MeshNode } from '../../../api/types.ts';
import { encryptionLook } from '../../../components/encryption.tsx';
import { LockIcon } from '../../../components/lock.tsx';
import { LiveText, ratesOf } from '../../../components/text.tsx';
import { Link } from '../../../router/link.tsx';
import { store, useEdges } from '../../../store/hooks.ts';
import { pathOf } from '../list/rows.ts';
import { layOut, type Arm } from './octopus.ts';

/** A list at each side with the workload between: it reads as one, and needs no drawing to. */
export function Neighbours({ node }: { readonly node: MeshNode }): ReactNode {
  const edges = useEdges();
  const { arms, hidden } = useMemo(() => layOut(node.id, edges), [node.id, edges]);
  if (arms.length === 0) {
    return <p className="quiet">No connections in the last 5 min, neither to it nor from it.</p>;
  }
  return (
    <div className="octopus">
      <Side
        title="Who calls it"
        none="nobody calls it"
        arms={arms.filter(({ side }) => side === 'left')}
        hidden={hidden.left}
      />
      <div className={`octopus-center ${node.kind}`}>
        <strong>{node.name}</strong>
        <span className="quiet">
          {node.ports.map(({ port }) => `:${port}`).join(' ') || node.addresses[0]}
        </span>
      </div>
      <Side
        title="Whom it calls"
        none="it calls nobody"
        arms={arms.filter(({ side }) => side === 'right')}
        hidden={hidden.right}
      />
    </div>
  );
}

type SideProps = {
  readonly title: string;
  readonly none: string;
  readonly arms: readonly Arm[];
  readonly hidden: number;
};

function Side({ title, none, arms, hidden }: SideProps): ReactNode {
  return (
    <ul className="octopus-side" aria-label={title}>
      {arms.map((arm) => (
        <li key={arm.node} className={`arm ${arm.side}`}>
          <Neighbour id={arm.node} />
          {arm.edges.map((edge) => (
            <ArmEdge key={edge.id} edge={edge} />
          ))}
        </li>
      ))}
      {hidden > 0 && <li className="quiet">and {hidden} more: see Connections</li>}
      {arms.length === 0 && <li className="quiet">{none}</li>}
    </ul>
  );
}

export function Neighbour({ id }: { readonly id: string }): ReactNode {
  const node = store.node(id);
  const name = node?.name ?? id.replace(/^\w+:/, '');
  const path = node ? pathOf(node) : '';
  return path === '' ? <strong>{name}</strong> : <Link to={path}>{name}</Link>;
}

function ArmEdge({ edge }: { readonly edge: MeshEdge }): ReactNode {
  const { index, port, application, encryption } = edge;
  const { tone, words } = encryptionLook(encryption);
  const text = useCallback(() => ratesOf(index), [index]);
  return (
    <span className="arm-edge">
      <span className={tone} title={words}>
        <LockIcon state={encryption.state} />
        <span className="hidden"> {words}</span>
      </span>{' '}
      :{port} {application} <LiveText className="rates" text={text} />
    </span>
  );
}
