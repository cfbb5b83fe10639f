// Two drawers that every page has: the state of the mesh, and what is wrong in it.
import type { ReactNode } from 'react';
import { Badge } from '../components/badge.tsx';
import { CommandBlock } from '../components/command.tsx';
import { Drawer } from '../components/drawer.tsx';
import { Empty } from '../components/states.tsx';
import { Countdown, TimeText } from '../components/text.tsx';
import type { Alert } from '../api/types.ts';
import { Link } from '../router/link.tsx';
import { store, useAlerts, useNodes, useStatus } from '../store/hooks.ts';
import { changeView, useView } from '../url/use-view.ts';

const close = (): void => changeView({ panel: '' });

export function MeshDrawer(): ReactNode {
  const { panel } = useView();
  if (panel === 'alerts') return <AlertsPanel />;
  if (panel === 'mesh') return <MeshPanel />;
  return null;
}

function AlertsPanel(): ReactNode {
  const alerts = useAlerts();
  return (
    <Drawer label="Alerts" title="Alerts" onClose={close}>
      {alerts.length === 0 && <Empty title="Nothing is wrong that we know of." />}
      {alerts.map((alert) => (
        <AlertItem key={alert.id} alert={alert} />
      ))}
    </Drawer>
  );
}

function AlertItem({ alert }: { readonly alert: Alert }): ReactNode {
  const { severity, text, sinceMs, about } = alert;
  const sel = store.node(about) ? about : `edge:${about}`;
  return (
    <section>
      <p>
        <Badge tone={severity === 'error' ? 'bad' : 'warn'}>{severity}</Badge> {text}
      </p>
      <p className="quiet">
        since <TimeText atMs={sinceMs} />{' '}
        {about !== '' && (
          <Link to="/" view={{ sel }}>
            show on the map
          </Link>
        )}
      </p>
    </section>
  );
}

function MeshPanel(): ReactNode {
  const status = useStatus();
  const members = useNodes().filter(({ state }) => state !== 'gone');
  const agents = members.flatMap(({ name, instances }) =>
    instances.flatMap(({ key, agent }) => (agent ? [{ key, name, agent }] : [])),
  );
  return (
    <Drawer label="State of the mesh" title="The mesh" onClose={close}>
      {status && (
        <dl className="facts">
          <dt>Trust domain</dt>
          <dd>{store.mesh.trustDomain}</dd>
          <dt>Cluster</dt>
          <dd>{store.mesh.clusterId}</dd>
          <dt>Version</dt>
          <dd>{status.version}</dd>
          <dt>Configuration</dt>
          <dd>
            in force on {status.proxiesInSync} of {status.proxies} proxies
          </dd>
          <dt>Next expiry</dt>
          <dd>
            <Countdown untilMs={status.nextExpiryMs} />
          </dd>
        </dl>
      )}
      <section aria-label="Proxies">
        <h3>Proxies</h3>
        {agents.map(({ key, name, agent }) => (
          <p key={key}>
            {name}{' '}
            <span className={agent.isConnected ? 'good' : 'bad'}>
              {agent.isConnected ? 'connected' : 'not connected'}
            </span>{' '}
            <span className="quiet">
              {agent.acknowledged}/{agent.subscribed} in force
            </span>
            {agent.rejection !== '' && <span className="bad"> rejected: {agent.rejection}</span>}
          </p>
        ))}
      </section>
      <CommandBlock text="isthmus proxy-status" label="The same in a terminal" />
    </Drawer>
  );
}
