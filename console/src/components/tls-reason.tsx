// What made an edge encrypted, or not: by which objects, with a link to each, or by which default.
import type { ReactNode } from 'react';
import { get } from '../api/client.ts';
import type { EdgeTls, TlsReason } from '../api/types.ts';
import { policyPath } from '../pages/policies/paths.ts';
import { Link } from '../router/link.tsx';
import { useLoaded } from './use-loaded.ts';

export function TlsReasons({ edge }: { readonly edge: string }): ReactNode {
  const path = `/api/v1/edges/${encodeURIComponent(edge)}/tls`;
  const { value, problem } = useLoaded(path, (signal) => get<EdgeTls>(path, { signal }));
  return (
    <section aria-label="Why">
      <h3>Why</h3>
      {problem && <p className="quiet">Not known: {problem.message}</p>}
      {value && (
        <ul className="plain">
          <Reason name="server" reason={value.server} />
          <Reason name="client" reason={value.client} />
        </ul>
      )}
    </section>
  );
}

/** Kinds with a page of their own. */
const WITH_PAGE = new Set(['DestinationRule', 'PeerAuthentication']);

function Reason({
  name,
  reason,
}: {
  readonly name: string;
  readonly reason: TlsReason;
}): ReactNode {
  const { text, object } = reason;
  return (
    <li>
      <span className="quiet">{name}</span> {text}
      {object && object.name !== '' && WITH_PAGE.has(object.kind) && (
        <>
          {' · '}
          <Link to={policyPath(object)}>Open it</Link>
        </>
      )}
    </li>
  );
}
