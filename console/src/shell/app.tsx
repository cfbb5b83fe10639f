// The frame around every page: who is signed in, where one is, and what happens now.
import { Component, Suspense, useEffect, type ReactNode } from 'react';
import { Empty, Loading, Problem } from '../components/states.tsx';
import { Link } from '../router/link.tsx';
import { usePlace } from '../router/location.ts';
import { pageOf } from '../router/routes.ts';
import { problemFrom } from '../api/client.ts';
import { feed, session, useCell } from '../store/hooks.ts';
import { SignInPage } from './sign-in.tsx';
import { TopBar } from './top-bar.tsx';

export function App(): ReactNode {
  const current = useCell(session);
  if (current === undefined) return <Loading what="the session" rows={0} />;
  if (current === null) return <SignInPage />;
  return <Shell />;
}

function Shell(): ReactNode {
  const { path } = usePlace();
  useEffect(() => feed.start(), []);
  const page = pageOf(path);
  useEffect(() => {
    document.title = page ? `${page.title} · Isthmus` : 'Isthmus';
  }, [page]);
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to content
      </a>
      <TopBar current={page} />
      <main id="main" tabIndex={-1}>
        <Fallible key={page?.segment}>
          <Suspense fallback={<Loading what="the page" />}>
            {page ? <page.component /> : <NoSuchPage path={path} />}
          </Suspense>
        </Fallible>
      </main>
    </div>
  );
}

function NoSuchPage({ path }: { readonly path: string }): ReactNode {
  return (
    <>
      <h1>No such page</h1>
      <Empty title={`There is no page at ${path}.`}>
        <Link to="/">Go to the map</Link>
      </Empty>
    </>
  );
}

type FallibleProps = { readonly children: ReactNode };

/** A page that breaks says so in its place; the frame stays. */
class Fallible extends Component<FallibleProps, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: undefined };

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return <Problem problem={problemFrom(error)} onRetry={() => location.reload()} />;
  }
}
