import type { ReactNode } from 'react';
import { useEdges, useNodes } from '../../store/hooks.ts';

export default function MapPage(): ReactNode {
  const nodes = useNodes();
  const edges = useEdges();
  return (
    <>
      <h1>Map</h1>
      <p>
        {nodes.length} workloads, {edges.length} edges
      </p>
    </>
  );
}
