// Who, where to, which port; and what to do to find out.
import { useState, type FormEvent, type ReactNode } from 'react';
import { Combobox } from '../../components/combobox.tsx';
import { useAllowed } from '../../store/abilities.ts';
import { useNodes } from '../../store/hooks.ts';
import {
  fromChoices,
  namespaceOf,
  portChoices,
  portOf,
  questionProblem,
  toChoices,
  type Given,
  type Question,
} from './view.ts';

type Props = {
  /** What the address says. */
  readonly given: Given;
  readonly asked: Question | undefined;
  readonly isBusy: boolean;
  readonly isProbing: boolean;
  /** What policy refused last. */
  readonly lastDenied: Question | undefined;
  readonly onAsk: (question: Question) => void;
  readonly onProbe: () => void;
};

export function QuestionForm({
  given,
  asked,
  isBusy,
  isProbing,
  lastDenied,
  onAsk,
  onProbe,
}: Props): ReactNode {
  const nodes = useNodes();
  // Back, Forward and links ask as well: then what was typed for another question is dropped.
  const [typed, setTyped] = useState({ of: given, ...given });
  const { from, to, port } = typed.of === given ? typed : given;
  const set = (change: Partial<Given>): void => setTyped({ of: given, from, to, port, ...change });
  const [isTried, setTried] = useState(false);
  const problem = questionProblem(from, to, port);
  const question = { from: from.trim(), to: to.trim(), port: portOf(port) ?? 0 };
  const isAsked =
    asked?.from === question.from && asked.to === question.to && asked.port === question.port;
  const { reasonAgainst } = useAllowed(namespaceOf(nodes, question.from));
  const probeReason = reasonAgainst('probe') || (isAsked ? '' : EXPLAIN_FIRST);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (problem === '') onAsk(question);
  };
  const swap = (): void => set({ from: to, to: from, port: '' });
  return (
    <form className="question" onSubmit={submit} aria-label="Question">
      <Combobox
        label="From"
        value={from}
        onChange={(next) => set({ from: next })}
        options={fromChoices(nodes)}
        placeholder="who connects"
      />
      <button type="button" className="icon swap" aria-label="Swap from and to" onClick={swap}>
        <span aria-hidden="true">⇄</span>
      </button>
      <Combobox
        label="To"
        value={to}
        onChange={(next) => set({ to: next })}
        options={toChoices(nodes)}
        placeholder="workload, service, host or address"
      />
      <Combobox
        label="Port"
        className="port"
        value={port}
        onChange={(next) => set({ port: next })}
        options={portChoices(nodes, to)}
        placeholder="the only one"
      />
      <div className="actions">
        <button type="submit" className="primary" disabled={isBusy}>
          {isBusy ? 'Explaining …' : 'Explain'}
        </button>
        <button
          type="button"
          onClick={onProbe}
          disabled={probeReason !== '' || isProbing}
          aria-describedby="probe-note"
        >
          {isProbing ? 'Probing …' : 'Probe now'}
        </button>
        {lastDenied && (
          <button type="button" onClick={() => onAsk(lastDenied)}>
            From the last denial
          </button>
        )}
      </div>
      <p className="note quiet" id="probe-note">
        {probeReason !== ''
          ? probeReason
          : 'A probe opens real connections from the client’s machine, through its proxy and around it. It is logged.'}
      </p>
      {isTried && problem !== '' && (
        <p className="note bad" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}

const EXPLAIN_FIRST = 'Explain first; then the same question can be probed.';
