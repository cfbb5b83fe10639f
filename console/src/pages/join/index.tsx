// VMs on their way into the mesh: the list, the form that invites one, and one join step by step.
import { useCallback, useMemo, useState, type ReactNode } from 'react';
import { get } from '../../api/client.ts';
import type { Join, JoinInvitation } from '../../api/types.ts';
import { Empty, Loading, Problem } from '../../components/states.tsx';
import { useLoaded } from '../../components/use-loaded.ts';
import { Link } from '../../router/link.tsx';
import { navigate, usePlace } from '../../router/location.ts';
import { pathRest } from '../../router/routes.ts';
import { useAllowed } from '../../store/abilities.ts';
import { useJoins } from '../../store/hooks.ts';
import { linkTo, useParam, useView } from '../../url/use-view.ts';
import { AddForm } from './add-form.tsx';
import { JoinDetail } from './detail.tsx';
import './join.css';
import { JoinList } from './list.tsx';
import { Refused } from './refused.tsx';
import { orderJoins } from './view.ts';

export default function JoinPage(): ReactNode {
  const { path } = usePlace();
  const [id] = pathRest(path);
  const { joins, problem, isLoading, reload } = useAllJoins();
  // In this component's memory and nowhere else: it holds the token, which is shown once.
  const [invitation, setInvitation] = useState<JoinInvitation>();
  const invited = useCallback((answer: JoinInvitation) => {
    setInvitation(answer);
    navigate(linkTo(`/join/${encodeURIComponent(answer.join.id)}`));
  }, []);
  if (id === undefined) {
    return <Overview joins={joins} loaded={{ problem, isLoading, reload }} onInvited={invited} />;
  }
  const join = joins.find((one) => one.id === id) ?? joinOf(invitation, id);
  if (join) {
    return <JoinDetail join={join} invitation={joinOf(invitation, id) ? invitation : undefined} />;
  }
  return (
    <div className="page">
      <h1>Join</h1>
      {problem && <Problem problem={problem} onRetry={reload} />}
      {isLoading && !problem && <Loading what="the join" rows={9} onRetry={reload} />}
      {!isLoading && !problem && (
        <Empty title="There is no such join">
          <p>Joins that are over are forgotten after a day.</p>
          <Link to="/join">All joins</Link>
        </Empty>
      )}
    </div>
  );
}

const joinOf = (invitation: JoinInvitation | undefined, id: string): Join | undefined =>
  invitation?.join.id === id ? invitation.join : undefined;

type AllJoins = Omit<ReturnType<typeof useLoaded<readonly Join[]>>, 'value'> & {
  readonly joins: readonly Join[];
};

/** What the control plane listed, with what events have said of each since. */
function useAllJoins(): AllJoins {
  const { at } = useView();
  const path = at === null ? '/api/v1/joins' : `/api/v1/joins?at=${at}`;
  const load = (signal: AbortSignal): Promise<readonly Join[]> => get(path, { signal });
  const { value, ...loaded } = useLoaded(path, load);
  const live = useJoins();
  const joins = useMemo(() => {
    const byId = new Map((value ?? []).map((join) => [join.id, join]));
    // Of a moment gone by the list is all there is.
    for (const join of at === null ? live : []) byId.set(join.id, join);
    return orderJoins(byId.values());
  }, [value, live, at]);
  return { ...loaded, joins };
}

type OverviewProps = {
  readonly joins: readonly Join[];
  readonly loaded: Omit<AllJoins, 'joins'>;
  readonly onInvited: (invitation: JoinInvitation) => void;
};

function Overview({ joins, loaded, onInvited }: OverviewProps): ReactNode {
  const { problem, isLoading, reload } = loaded;
  const [adding, setAdding] = useParam('add');
  const isAdding = adding === '1';
  const reason = useAllowed('').reasonAgainst('join');
  return (
    <div className="page join-page">
      <header className="page-head">
        <h1>Join</h1>
        {!isAdding && (
          <button
            type="button"
            className="primary"
            disabled={reason !== ''}
            aria-describedby={reason === '' ? undefined : 'may-not-join'}
            onClick={() => setAdding('1')}
          >
            Add a VM
          </button>
        )}
        {reason !== '' && (
          <span id="may-not-join" className="quiet">
            {reason}
          </span>
        )}
      </header>
      {isAdding && reason === '' && (
        <AddForm onInvited={onInvited} onCancel={() => setAdding('')} />
      )}
      {problem && <Problem problem={problem} onRetry={reload} />}
      {isLoading && joins.length === 0 && <Loading what="joins" onRetry={reload} />}
      {!isLoading && !problem && joins.length === 0 && !isAdding && <NoJoins />}
      {joins.length > 0 && <JoinList joins={joins} />}
      <Refused />
    </div>
  );
}

function NoJoins(): ReactNode {
  return (
    <Empty title="No VM has joined through here yet">
      <p>
        “Add a VM” registers a machine and shows one command to run on it. What happens then is told
        here step by step: nine of them, from the token to the first encrypted bytes.
      </p>
    </Empty>
  );
}
