// What opens on the right: the edge or the workload that was chosen.
import type { ReactNode } from 'react';
import { Drawer } from '../../components/drawer.tsx';
import { Empty } from '../../components/states.tsx';
import { store, useEdge, useNode } from '../../store/hooks.ts';
import { changeView } from '../../url/use-view.ts';
import type { ViewState } from '../../url/view-state.ts';
import { EdgePanel } from './edge-panel.tsx';
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
    <NodeDrawer id={sel} placed={placed} />
  );
}

function EdgeDrawer({ id, view }: { readonly id: string; readonly view: ViewState }): ReactNode {
  const edge = useEdge(id);
  const from = useNode(edge?.from ?? '');
  const to = useNode(edge?.to ?? '');
  if (!edge) return <Gone what="This edge" />;
  return <EdgePanel edge={edge} from={from} to={to} view={view} onClose={close} />;
}

function NodeDrawer({ id, placed }: { readonly id: string; readonly placed: Placed }): ReactNode {
  const node = useNode(id);
  if (!node) return <Gone what={id.replace(/^\w+:/, '')} />;
  return <NodePanel node={node} placed={placed} onClose={close} />;
}

function Gone({ what }: { readonly what: string }): ReactNode {
  const gone = store.news().find((news) => news.kind === 'gone' && news.node.id.endsWith(what));
  const when =
    gone?.kind === 'gone' ? ` at ${new Date(gone.atMs).toLocaleTimeString('en-GB')}` : '';
  return (
    <Drawer label="Not here" title={what} onClose={close}>
      <Empty
        title={when === '' ? `${what} is not in the mesh.` : `${what} left the mesh${when}.`}
      />
    </Drawer>
  );
}
