// Calling a join off: its token is good no more. Asked twice, for there is no way back.
import { useState, type ReactNode } from 'react';
import { problemFrom, send } from '../../api/client.ts';
import type { ApiProblem, Join } from '../../api/types.ts';
import { Problem } from '../../components/states.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { useAllowed } from '../../store/abilities.ts';

export function CancelJoin({ join }: { readonly join: Join }): ReactNode {
  const reason = useAllowed(join.namespace).reasonAgainst('join');
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      <button
        type="button"
        disabled={reason !== ''}
        title={reason || undefined}
        onClick={() => setAsking(true)}
      >
        Cancel join
      </button>
      {isAsking && <Question join={join} onClose={() => setAsking(false)} />}
    </>
  );
}

type QuestionProps = { readonly join: Join; readonly onClose: () => void };

function Question({ join, onClose }: QuestionProps): ReactNode {
  const [problem, setProblem] = useState<ApiProblem>();
  const cancel = async (): Promise<void> => {
    try {
      await send('DELETE', `/api/v1/joins/${encodeURIComponent(join.id)}`);
      onClose();
    } catch (error) {
      setProblem(problemFrom(error));
    }
  };
  return (
    <Dialog
      title={`Cancel the join of ${join.name}?`}
      onClose={onClose}
      actions={
        <>
          <button type="button" data-first onClick={onClose}>
            Let it go on
          </button>
          <button type="button" className="primary" onClick={() => void cancel()}>
            Cancel it
          </button>
        </>
      }
    >
      <p>Its token is good no more. What was registered of the machine stays.</p>
      {problem && <Problem problem={problem} />}
    </Dialog>
  );
}
