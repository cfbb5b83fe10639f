// What opens on the right: the edge or the workload that was chosen.
import type { ReactNode } from 'react';
import { useEdge, useNode } from '../../store/hooks.ts';
import { changeView } from '../../url/use-view.ts';
import type { ViewState } from '../../url/view-state.ts';
import { EdgePanel } from './edge-panel.tsx';
import { GonePanel } from './gone-panel.tsx';
import { NodePanel } from './node-panel.tsx';
import type { Placed } from './use-layout.ts';

const close = (): void => changeView({ sel: '', tab: '' });

type Props = { readonly view: ViewState; readonly placed: Placed };

export function MapDrawer({ view, placed }: Props): ReactNode {
  const { sel } = view;
  if (sel === '' || view.panel !== '') return null;
  return sel.startsWith('edge:') ? (
    <EdgeDrawer id={sel.slice('edge:'.length)} view={view} />
  ) : (
    <NodeDrawer id={sel} view={view} placed={placed} />
  );
}

function EdgeDrawer({ id, view }: { readonly id: string; readonly view: ViewState }): ReactNode {
  const edge = useEdge(id);
  const from = useNode(edge?.from ?? '');
  const to = useNode(edge?.to ?? '');
  if (!edge) return <GonePanel id={`edge:${id}`} view={view} onClose={close} />;
  return <EdgePanel edge={edge} from={from} to={to} view={view} onClose={close} />;
}

type NodeDrawerProps = Props & { readonly id: string };

function NodeDrawer({ id, view, placed }: NodeDrawerProps): ReactNode {
  const node = useNode(id);
  if (!node) return <GonePanel id={id} view={view} onClose={close} />;
  return <NodePanel node={node} placed={placed} onClose={close} />;
}
