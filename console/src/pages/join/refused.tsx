// Who was turned away: machines that come without a token of ours have no join to read it in.
import type { ReactNode } from 'react';
import { get } from '../../api/client.ts';
import type { IdentityEvent } from '../../api/types.ts';
import { TimeText } from '../../components/text.tsx';
import { useLoaded } from '../../components/use-loaded.ts';
import { Link } from '../../router/link.tsx';

const PATH = '/api/v1/join-refusals';
const SHOWN_MAX = 5;

export function Refused(): ReactNode {
  const { value } = useLoaded(PATH, (signal) => get<readonly IdentityEvent[]>(PATH, { signal }));
  if (!value || value.length === 0) return null;
  return (
    <section className="refused" aria-labelledby="refused">
      <h2 id="refused">Turned away</h2>
      <p className="quiet">
        Certificates that were asked for and not given: no proof, or somebody else’s.{' '}
        <Link to="/identity?tab=timeline">The whole timeline</Link>
      </p>
      <ul className="plain">
        {value.slice(0, SHOWN_MAX).map(({ atMs, workload, text }) => (
          <li key={`${atMs} ${workload} ${text}`}>
            <TimeText atMs={atMs} /> {workload !== '' && <strong>{workload}</strong>} {text}
          </li>
        ))}
      </ul>
    </section>
  );
}
