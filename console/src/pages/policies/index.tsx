// Which rules there are, what they decided, and editing them without breaking anybody.
import { lazy, Suspense, useMemo, type ReactNode } from 'react';
import { Loading } from '../../components/states.tsx';
import { usePlace } from '../../router/location.ts';
import { pathRest } from '../../router/routes.ts';
import { namespaceIn } from './paths.ts';
import { PolicyList } from './policy-list.tsx';
import './policies.css';

// YAML and all that edits it: nobody who only reads the list loads that.
const PolicyDetail = lazy(() => import('./policy-detail.tsx'));
const NewPolicy = lazy(() => import('./new-policy.tsx'));

export default function PoliciesPage(): ReactNode {
  const { path } = usePlace();
  const [kind = '', namespace = '', name = ''] = pathRest(path);
  const of = useMemo(
    () => ({ kind, namespace: namespaceIn(namespace), name }),
    [kind, namespace, name],
  );
  if (kind === '') return <PolicyList />;
  return (
    <Suspense fallback={<Loading what="the editor" />}>
      {kind === 'new' && name === '' ? <NewPolicy /> : <PolicyDetail key={path} of={of} />}
    </Suspense>
  );
}
