import type { ReactNode } from 'react';

export default function WorkloadsPage(): ReactNode {
  return <h1>Workloads</h1>;
}
