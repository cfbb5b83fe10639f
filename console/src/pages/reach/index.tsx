import type { ReactNode } from 'react';

export default function ReachPage(): ReactNode {
  return <h1>Reach</h1>;
}
