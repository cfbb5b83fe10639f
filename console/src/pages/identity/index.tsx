import type { ReactNode } from 'react';

export default function IdentityPage(): ReactNode {
  return <h1>Identity</h1>;
}
