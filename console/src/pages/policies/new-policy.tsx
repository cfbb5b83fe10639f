// A new policy begins with what it is for and what it is called; the rest is the editor's.
import { useId, useState, type FormEvent, type ReactNode } from 'react';
import { Combobox } from '../../components/combobox.tsx';
import { Link } from '../../router/link.tsx';
import { navigate } from '../../router/location.ts';
import { useAllowed } from '../../store/abilities.ts';
import { useNodes } from '../../store/hooks.ts';
import { linkTo, useView } from '../../url/use-view.ts';
import { leaveDraft } from './drafts.ts';
import { liveNames } from './names.ts';
import { policyPath } from './paths.ts';
import { nameProblem, newPolicy, TEMPLATES } from './templates.ts';

export default function NewPolicy(): ReactNode {
  const { namespaces } = liveNames(useNodes());
  const { ns } = useView();
  const [kind, setKind] = useState(TEMPLATES[0]?.kind ?? '');
  const [namespace, setNamespace] = useState(ns[0] ?? namespaces[0] ?? 'default');
  const [name, setName] = useState('');
  const reason = useAllowed(namespace).reasonAgainst('policies');
  const [isTried, setTried] = useState(false);
  const problem =
    nameProblem(name) || (nameProblem(namespace) && `The namespace: ${nameProblem(namespace)}`);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (problem !== '') return;
    const of = { kind, namespace, name };
    leaveDraft(of, newPolicy(kind, namespace, name));
    navigate(linkTo(policyPath(of), { tab: 'form' }));
  };
  return (
    <div className="page policies">
      <nav aria-label="Place">
        <Link to="/policies">Policies</Link> › New
      </nav>
      <h1>New policy</h1>
      <form className="new-policy" onSubmit={submit} aria-label="New policy">
        <Kinds chosen={kind} onChoose={setKind} />
        <Combobox
          label="Namespace"
          value={namespace}
          onChange={setNamespace}
          options={namespaces.map((value) => ({ value }))}
        />
        <label className="field">
          Name
          <input
            value={name}
            onChange={(event) => setName(event.target.value)}
            spellCheck={false}
          />
        </label>
        {isTried && problem !== '' && (
          <p className="bad" role="alert">
            {problem}
          </p>
        )}
        <div className="actions">
          <button type="submit" className="primary" disabled={reason !== ''}>
            Write it
          </button>
          <span className="quiet">
            {reason || 'Nothing is applied yet: the editor shows first what it would change.'}
          </span>
        </div>
      </form>
    </div>
  );
}

type KindsProps = { readonly chosen: string; readonly onChoose: (kind: string) => void };

function Kinds({ chosen, onChoose }: KindsProps): ReactNode {
  const id = useId();
  return (
    <fieldset>
      <legend>What it is for</legend>
      {TEMPLATES.map(({ kind, title, says }) => (
        <div key={kind} className="choice">
          <input
            id={`${id}-${kind}`}
            type="radio"
            name="kind"
            value={kind}
            checked={chosen === kind}
            aria-describedby={`${id}-${kind}-says`}
            onChange={() => onChoose(kind)}
          />
          <div>
            <label htmlFor={`${id}-${kind}`}>
              {title} <code>{kind}</code>
            </label>
            <p className="quiet" id={`${id}-${kind}-says`}>
              {says}
            </p>
          </div>
        </div>
      ))}
    </fieldset>
  );
}
