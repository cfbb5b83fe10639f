import type { ReactNode } from 'react';

export default function JoinPage(): ReactNode {
  return <h1>Join</h1>;
}
