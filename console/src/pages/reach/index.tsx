// Why can (or can't) A reach B? A question in the address bar, eleven steps as the answer.
import { useMemo, useState, type ComponentProps, type ReactNode } from 'react';
import { post, problemFrom } from '../../api/client.ts';
import type { ApiProblem, PolicyDocument, ReachRequest, ReachResult } from '../../api/types.ts';
import { Empty, Loading, Problem } from '../../components/states.tsx';
import { useLoaded } from '../../components/use-loaded.ts';
import { navigate, usePlace } from '../../router/location.ts';
import { useNodes } from '../../store/hooks.ts';
import { linkTo } from '../../url/use-view.ts';
import { QuestionForm } from './question-form.tsx';
import { LastDenials, useDenials } from './last-denials.tsx';
import { Answer } from './answer.tsx';
import { Applied } from './applied.tsx';
import { givenIn, questionOf, questionPath, type Question } from './view.ts';
import './reach.css';

const ask = (request: ReachRequest, signal?: AbortSignal): Promise<ReachResult> =>
  post('/api/v1/reach', request, { signal });

export default function ReachPage(): ReactNode {
  const { path, search } = usePlace();
  const given = useMemo(() => givenIn(search), [search]);
  const asked = questionOf(given);
  const key = asked ? questionPath(asked) : '';
  const explained = useLoaded<ReachResult | undefined>(key, async (signal) =>
    asked ? ask({ ...asked, isProbing: false }, signal) : undefined,
  );
  const probe = useProbe(asked, key);
  const again = (): void => {
    probe.clear();
    explained.reload();
  };
  const follow = (question: Question): void => {
    const target = linkTo(questionPath(question));
    // The same question is asked anew; another one is another address.
    if (target === path + search) again();
    else navigate(target);
  };
  const denials = useDenials();
  const [applied, setApplied] = useState<PolicyDocument>();
  const result = probe.result ?? explained.value;
  const problem = probe.problem ?? explained.problem;
  return (
    <div className="page reach">
      <h1>Reach</h1>
      <QuestionForm
        given={given}
        asked={asked}
        isBusy={explained.isLoading && asked !== undefined}
        isProbing={probe.isBusy}
        lastDenied={denials[0]?.asked}
        onAsk={follow}
        onProbe={probe.start}
      />
      {problem && <Problem problem={problem} onRetry={again} />}
      {asked && !result && !problem && <Loading what="the answer" rows={11} />}
      {applied && <Applied key={applied.resourceVersion} applied={applied} />}
      {asked && result && (
        <Answer
          key={key}
          asked={asked}
          result={result}
          isOld={probe.isBusy || (explained.isLoading && !probe.result)}
          onAgain={again}
          onProbe={probe.start}
          onApplied={(document) => {
            setApplied(document);
            again();
          }}
          isProbing={probe.isBusy}
        />
      )}
      {!asked && <Invitation denials={denials} onAsk={follow} />}
    </div>
  );
}

type Probe = {
  readonly result: ReachResult | undefined;
  readonly problem: ApiProblem | undefined;
  readonly isBusy: boolean;
  readonly start: () => void;
  readonly clear: () => void;
};

/**
 * Opens real connections, so only when asked to, never by a link.
 *
 * @param key of the question: an answer to another one is dropped
 */
function useProbe(asked: Question | undefined, key: string): Probe {
  const [state, setState] = useState<ProbeState>({ ...NO_PROBE, key });
  const start = (): void => {
    if (!asked) return;
    const put = (change: Partial<ProbeState>): void =>
      setState((old) => (old.key === key ? { ...old, ...change } : old));
    setState((old) => ({ ...(old.key === key ? old : NO_PROBE), key, isBusy: true }));
    ask({ ...asked, isProbing: true }).then(
      (result) => put({ result, problem: undefined, isBusy: false }),
      (error: unknown) => put({ problem: problemFrom(error), isBusy: false }),
    );
  };
  const current = state.key === key ? state : NO_PROBE;
  return { ...current, start, clear: () => setState({ ...NO_PROBE, key }) };
}

type ProbeState = Omit<Probe, 'start' | 'clear'> & { readonly key: string };

const NO_PROBE = { result: undefined, problem: undefined, isBusy: false };

function Invitation({ denials, onAsk }: ComponentProps<typeof LastDenials>): ReactNode {
  const nodes = useNodes();
  return (
    <>
      <Empty title="Why can’t A reach B?">
        <p className="measure">
          Say who connects and where to. The answer goes the way that a connection goes, in eleven
          steps from the name to the application, and stops at the first that fails: with the
          evidence, and the smallest change that would mend it.
        </p>
        {nodes.length === 0 && <p>The mesh has no workloads yet.</p>}
      </Empty>
      <LastDenials denials={denials} onAsk={onAsk} />
    </>
  );
}
