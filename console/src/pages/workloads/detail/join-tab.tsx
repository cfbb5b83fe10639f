// That machine's way into the mesh.
import type { ReactNode } from 'react';
import type { MeshNode } from '../../../api/types.ts';
import { Empty, Loading, Problem } from '../../../components/states.tsx';
import { Link } from '../../../router/link.tsx';
import { useJoins } from '../../../store/hooks.ts';
import { useView } from '../../../url/use-view.ts';
import { Progress } from '../../join/list.tsx';
import { JoinSteps } from '../../join/steps.tsx';
import { orderJoins } from '../../join/view.ts';
import type { LoadedOverview } from './page.tsx';

type Props = { readonly node: MeshNode; readonly overview: LoadedOverview };

export function JoinTab({ node, overview }: Props): ReactNode {
  const { at } = useView();
  const live = useJoins();
  const [newest] = orderJoins(live.filter((join) => at === null && join.node === node.id));
  const join = newest ?? overview.value?.join;
  if (join) {
    return (
      <>
        <p className="page-head">
          <Progress join={join} />{' '}
          <Link to={`/join/${encodeURIComponent(join.id)}`}>Its own page</Link>
        </p>
        <JoinSteps join={join} />
      </>
    );
  }
  if (overview.problem) return <Problem problem={overview.problem} onRetry={overview.reload} />;
  if (overview.isLoading && !overview.value)
    return <Loading what="its join" rows={9} onRetry={overview.reload} />;
  return (
    <Empty title={node.kind === 'vm' ? 'Its join is not remembered' : 'It joined as pods do'}>
      <p>
        {node.kind === 'vm'
          ? 'It came in before this control plane began to take notes, or without “Add a VM”.'
          : 'Its sidecar was injected when the Pod was made: there are no steps to follow.'}
      </p>
    </Empty>
  );
}
