import { useState, type FormEvent, type ReactNode } from 'react';
import { problemFrom } from '../api/client.ts';
import type { ApiProblem } from '../api/types.ts';
import { CommandBlock } from '../components/command.tsx';
import { Problem } from '../components/states.tsx';
import { signIn } from './session.ts';

const TOKEN_COMMAND = 'kubectl create token NAME --namespace NAMESPACE --duration 8h';

export function SignInPage(): ReactNode {
  const [problem, setProblem] = useState<ApiProblem>();
  const [isBusy, setIsBusy] = useState(false);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const token = new FormData(event.currentTarget).get('token');
    setIsBusy(true);
    signIn({ token: typeof token === 'string' ? token.trim() : '' })
      .catch((error: unknown) => setProblem(problemFrom(error)))
      .finally(() => setIsBusy(false));
  };
  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <h1>Sign in to Isthmus</h1>
        <p>
          With the token of a Kubernetes user or service account. What it may see and change here is
          what the role bindings <code>isthmus-viewer</code> and <code>isthmus-editor</code> say.
        </p>
        <label>
          Token
          <input name="token" type="password" autoComplete="off" required />
        </label>
        <button type="submit" className="primary" disabled={isBusy}>
          Sign in
        </button>
        {problem && <Problem problem={problem} />}
        <p className="quiet">A token of a service account comes from:</p>
        <CommandBlock text={TOKEN_COMMAND} label="Command for a token" />
      </form>
    </main>
  );
}
