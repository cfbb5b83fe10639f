// Envoy's own dump of its configuration, for those who read it.
import { useState, type ReactNode } from 'react';
import { problemFrom, request } from '../../../api/client.ts';
import type { ApiProblem, MeshNode } from '../../../api/types.ts';
import { CopyButton } from '../../../components/command.tsx';
import { Problem } from '../../../components/states.tsx';
import { KEYBOARD_STOP } from '../keyboard-stop.ts';
import { workloadApi } from './workload-api.ts';

/** A page with more text than this is slow; the file has all of it. */
const SHOWN_MAX = 200_000;

type Props = { readonly node: MeshNode; readonly instance: string };

export function ConfigDump({ node, instance }: Props): ReactNode {
  const path = workloadApi(node, 'proxy/dump', { instance });
  const [dump, setDump] = useState<string>();
  const [problem, setProblem] = useState<ApiProblem>();
  const load = async (): Promise<void> => {
    setProblem(undefined);
    try {
      setDump(indented(await (await request(path, {})).text()));
    } catch (error) {
      setProblem(problemFrom(error));
    }
  };
  return (
    <section className="panel" aria-label="Configuration dump">
      <header className="toolbar">
        <h2>Configuration dump</h2>
        <button type="button" onClick={() => void load()}>
          {dump === undefined ? 'Show' : 'Look again'}
        </button>
        <a className="button" href={path} download={`${node.name}-config-dump.json`}>
          Download
        </a>
        {dump !== undefined && <CopyButton text={dump} />}
      </header>
      {problem && <Problem problem={problem} />}
      {dump !== undefined && (
        <pre className="dump" {...KEYBOARD_STOP} role="region" aria-label="Configuration of Envoy">
          {dump.slice(0, SHOWN_MAX)}
          {dump.length > SHOWN_MAX && `\n… cut at ${SHOWN_MAX} characters: download the whole`}
        </pre>
      )}
    </section>
  );
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
