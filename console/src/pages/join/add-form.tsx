// "Add a VM": what is to be known of a machine before it can be invited.
import { useId, useState, type FormEvent, type ReactNode } from 'react';
import { post, problemFrom } from '../../api/client.ts';
import type { ApiProblem, JoinInvitation } from '../../api/types.ts';
import { Problem } from '../../components/states.tsx';
import { useAllowed } from '../../store/abilities.ts';
import { useNetworks, useNodes } from '../../store/hooks.ts';
import { EMPTY_FORM, parseJoinForm, tokenCommand, type FormField, type JoinForm } from './form.ts';

type Props = {
  readonly onInvited: (invitation: JoinInvitation) => void;
  readonly onCancel: () => void;
};

export function AddForm({ onInvited, onCancel }: Props): ReactNode {
  const [form, setForm] = useState<JoinForm>(EMPTY_FORM);
  const [isChecked, setChecked] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiProblem>();
  const parsed = parseJoinForm(form);
  const problems = isChecked && !parsed.ok ? parsed.problems : {};
  const suggestions = useSuggestions();
  const reason = useAllowed(form.namespace.trim()).reasonAgainst('join');
  const invite = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setChecked(true);
    if (!parsed.ok) return;
    setBusy(true);
    setProblem(undefined);
    try {
      onInvited(await post<JoinInvitation>('/api/v1/joins', parsed.request));
    } catch (error) {
      setProblem(problemFrom(error));
      setBusy(false);
    }
  };
  return (
    <form
      className="card add-form"
      aria-label="Add a VM"
      noValidate
      onSubmit={(event) => void invite(event)}
    >
      <h2>Add a VM</h2>
      <p className="quiet">
        This registers the machine and makes one command to run on it. Nothing happens to the
        machine before that.
      </p>
      <div className="fields">
        {NAMES.map((name) => (
          <Field
            key={name}
            name={name}
            value={form[name]}
            problem={problems[name] ?? ''}
            suggestions={suggestions[name] ?? []}
            onChange={(value) => setForm({ ...form, [name]: value })}
          />
        ))}
      </div>
      {problem && <Problem problem={problem} />}
      {reason !== '' && <p role="status">{reason}</p>}
      <div className="form-actions">
        <button type="submit" className="primary" disabled={isBusy || reason !== ''}>
          {isBusy ? 'Making the command …' : 'Make the install command'}
        </button>
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
        {parsed.ok && (
          <span className="quiet">
            In a shell: <code>{tokenCommand(parsed.request)}</code>
          </span>
        )}
      </div>
    </form>
  );
}

type FieldWords = {
  readonly title: string;
  readonly hint: string;
  readonly placeholder?: string;
};

const FIELDS: Readonly<Record<FormField, FieldWords>> = {
  name: { title: 'Name', hint: 'Of the machine in the mesh.', placeholder: 'mysql-2-vm' },
  service: {
    title: 'Service',
    hint: 'That others call. Empty, with ports: one of its own name.',
    placeholder: 'mysql',
  },
  ports: {
    title: 'Ports',
    hint: 'A name says the protocol. Empty: it only calls others.',
    placeholder: '3306 or tcp-mysql:3306',
  },
  namespace: { title: 'Namespace', hint: 'Where it belongs in the cluster.' },
  serviceAccount: {
    title: 'Service account',
    hint: 'Its identity. Empty: one of the service’s name.',
  },
  network: {
    title: 'Network',
    hint: 'Empty: workloads reach it directly.',
    placeholder: 'us-east1-b',
  },
  address: {
    title: 'Address',
    hint: 'The only one that it may have. Empty: the machine says it.',
    placeholder: '10.128.0.17',
  },
  gateway: {
    title: 'Control plane',
    hint: 'Where the machine reaches it. Empty: found in the cluster.',
    placeholder: '34.1.2.3',
  },
  minutes: { title: 'Token good for (minutes)', hint: 'From 1 minute to a day; used once.' },
};

/** In the order of the table. */
const NAMES = Object.keys(FIELDS) as readonly FormField[];

type FieldProps = {
  readonly name: FormField;
  readonly value: string;
  readonly problem: string;
  readonly suggestions: readonly string[];
  readonly onChange: (value: string) => void;
};

function Field({ name, value, problem, suggestions, onChange }: FieldProps): ReactNode {
  const id = useId();
  const { title, hint, placeholder } = FIELDS[name];
  const isWrong = problem !== '';
  return (
    <div className="field">
      <label htmlFor={id}>{title}</label>
      <input
        id={id}
        value={value}
        placeholder={placeholder}
        inputMode={name === 'minutes' ? 'numeric' : undefined}
        autoComplete="off"
        spellCheck={false}
        list={suggestions.length > 0 ? `${id}-list` : undefined}
        aria-invalid={isWrong || undefined}
        aria-describedby={`${id}-hint`}
        onChange={(event) => onChange(event.target.value)}
      />
      <span id={`${id}-hint`} className={isWrong ? 'bad' : 'quiet'}>
        {isWrong ? problem : hint}
      </span>
      {suggestions.length > 0 && (
        <datalist id={`${id}-list`}>
          {suggestions.map((text) => (
            <option key={text} value={text}>
              {text}
            </option>
          ))}
        </datalist>
      )}
    </div>
  );
}

/** What the mesh has already: a machine often joins what is there. */
function useSuggestions(): Readonly<Partial<Record<FormField, readonly string[]>>> {
  const nodes = useNodes();
  const networks = useNetworks();
  const named = (values: readonly string[]): string[] =>
    [...new Set(values)].filter((value) => value !== '').toSorted();
  return {
    namespace: named(nodes.map(({ namespace }) => namespace)),
    network: named(networks.map(({ id }) => id)),
    service: named(
      nodes.flatMap(({ services }) => services.map((host) => host.split('.')[0] ?? '')),
    ),
  };
}
