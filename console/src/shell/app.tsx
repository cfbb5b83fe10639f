import type { ReactNode } from 'react';
import { Loading } from '../components/states.tsx';
import { session, useCell } from '../store/hooks.ts';
import { Shell } from './shell.tsx';
import { SignInPage } from './sign-in.tsx';
import { useTheme } from './theme.ts';

export function App(): ReactNode {
  useTheme();
  const current = useCell(session);
  if (current === undefined) return <Loading what="the session" rows={0} />;
  if (current === null) return <SignInPage />;
  return <Shell />;
}
