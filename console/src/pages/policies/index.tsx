import type { ReactNode } from 'react';

export default function PoliciesPage(): ReactNode {
  return <h1>Policies</h1>;
}
