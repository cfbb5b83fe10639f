import type { ReactNode } from 'react';
import { Link } from '../router/link.tsx';
import { PAGES, type Page } from '../router/routes.ts';
import { useSession } from '../store/hooks.ts';

export function TopBar({ current }: { readonly current: Page | undefined }): ReactNode {
  const { user, role } = useSession();
  return (
    <header className="top-bar">
      <span className="product">Isthmus</span>
      <nav aria-label="Pages">
        {PAGES.map((page) => (
          <Link key={page.segment} to={`/${page.segment}`} isCurrent={page === current}>
            {page.title}
          </Link>
        ))}
      </nav>
      <span className="user" title={user}>
        {role}
      </span>
    </header>
  );
}
