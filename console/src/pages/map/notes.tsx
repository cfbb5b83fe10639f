// What the map says of itself above the drawing: nothing is there, nothing moves, too much is
// there.
import type { ReactNode } from 'react';
import { CommandBlock } from '../../components/command.tsx';
import { Empty } from '../../components/states.tsx';
import { Link } from '../../router/link.tsx';
import { shownNowMs, store } from '../../store/hooks.ts';
import { DRAWN_MAX, type Scene } from './scene.ts';

const QUIET_MS = 5 * 60_000;

export function Notes({ scene }: { readonly scene: Scene }): ReactNode {
  if (store.nodes().length === 0) return <FirstVisit />;
  if (scene.meshNodes.length === 0) {
    return <Empty title="Nothing is left of the mesh in this scope." />;
  }
  if (scene.isCollapsed) {
    return (
      <p className="note" role="status">
        {scene.meshNodes.length} workloads in {scene.nodes.length} groups, because more than{' '}
        {DRAWN_MAX} are too many to draw: choose a group to open it.
      </p>
    );
  }
  const nowMs = shownNowMs();
  const isQuiet = scene.meshEdges.every(({ lastSeenMs }) => nowMs - lastSeenMs > QUIET_MS);
  return isQuiet ? <NoTraffic scene={scene} /> : null;
}

function FirstVisit(): ReactNode {
  return (
    <Empty title="No workload has joined the mesh yet.">
      <p>
        A workload is here once its agent has called: a Pod of a namespace with injection, or a
        virtual machine.
      </p>
      <CommandBlock
        text="kubectl label namespace NAMESPACE istio-injection=enabled"
        label="Command for a namespace"
      />
      <Link to="/join" className="button primary">
        Add a VM
      </Link>
    </Empty>
  );
}

function NoTraffic({ scene }: { readonly scene: Scene }): ReactNode {
  const server = scene.meshNodes.find(({ ports }) => ports.length > 0);
  const [port] = server?.ports ?? [];
  const host = port?.service.split('.')[0] ?? server?.name;
  const command = !port
    ? ''
    : port.protocol === 'tcp'
      ? `psql -h ${host} -p ${port.port}`
      : `curl http://${host}:${port.port}/`;
  return (
    <p className="note" role="status">
      <span>No connections in the last 5 min</span>
      {command !== '' && (
        <>
          {' '}
          · to make one, on a client: <code>{command}</code>
        </>
      )}
    </p>
  );
}
