// A link within the console: an ordinary one, so that it can be copied and opened in a new tab.
import type { MouseEvent, ReactNode } from 'react';
import { linkTo } from '../url/use-view.ts';
import type { ViewState } from '../url/view-state.ts';
import { navigate, usePlace } from './location.ts';

type Props = {
  /** A path, with its page's own query if it has one. */
  readonly to: string;
  /** Of the view's state; scope, moment and look are kept by themselves. */
  readonly view?: Partial<ViewState>;
  readonly className?: string;
  readonly isCurrent?: boolean;
  readonly label?: string;
  readonly children: ReactNode;
};

export function Link({ to, view, className, isCurrent, label, children }: Props): ReactNode {
  usePlace(); // what the link keeps changes with the place
  const href = linkTo(to, view);
  const follow = (event: MouseEvent): void => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    navigate(href);
  };
  return (
    <a
      href={href}
      className={className}
      aria-current={isCurrent ? 'page' : undefined}
      aria-label={label}
      onClick={follow}
    >
      {children}
    </a>
  );
}
