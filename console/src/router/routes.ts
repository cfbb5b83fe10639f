// The six pages, each loaded when it is first opened.
import { lazy, type ComponentType } from 'react';

export type Page = {
  readonly title: string;
  /** First segment of its path; empty: home. */
  readonly segment: string;
  /** After `g`. */
  readonly key: string;
  readonly component: ComponentType;
};

export const PAGES: readonly Page[] = [
  { title: 'Map', segment: '', key: 'm', component: lazy(() => import('../pages/map/index.tsx')) },
  {
    title: 'Workloads',
    segment: 'workloads',
    key: 'w',
    component: lazy(() => import('../pages/workloads/index.tsx')),
  },
  {
    title: 'Join',
    segment: 'join',
    key: 'j',
    component: lazy(() => import('../pages/join/index.tsx')),
  },
  {
    title: 'Identity',
    segment: 'identity',
    key: 'i',
    component: lazy(() => import('../pages/identity/index.tsx')),
  },
  {
    title: 'Reach',
    segment: 'reach',
    key: 'r',
    component: lazy(() => import('../pages/reach/index.tsx')),
  },
  {
    title: 'Policies',
    segment: 'policies',
    key: 'p',
    component: lazy(() => import('../pages/policies/index.tsx')),
  },
];

/** The segments of a path after its page's: `/workloads/default/db` → `['default', 'db']`. */
export function pathRest(path: string): readonly string[] {
  return path.split('/').slice(2).filter(Boolean).map(decodeSegment);
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export function pageOf(path: string): Page | undefined {
  const segment = path.split('/')[1] ?? '';
  return PAGES.find((page) => page.segment === segment);
}
