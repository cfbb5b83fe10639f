// The library world's doors: where each leads, and with what kubeconfig one comes in.
import { readFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { API_PORT, CONSOLE_PORT, MONITORING_PORT } from '../cluster.ts';
import { Passage, portOf } from '../door.ts';
import { CONTROL_PLANE, type LibraryWorld } from './library-world.ts';
import { gatewayAddress } from './way-in.ts';

/** The library's page, the Kubernetes API, the control plane's own pages, and its console. */
export const DOORS = ['library', 'api', 'isthmusd', 'console'] as const;
export type DoorName = (typeof DOORS)[number];
export type Doors = Readonly<Record<DoorName, Server>>;

/** Of the gateway, for browsers. */
const HTTP_PORT = 80;

/** Leads who comes by a door to its place, until disposed of. */
export function receiveVisitors(world: LibraryWorld, doors: Doors): AsyncDisposable {
  const stack = new AsyncDisposableStack();
  const at = (port: number) => () => Promise.resolve({ host: CONTROL_PLANE.address, port });
  const gateway = async () => ({ host: await gatewayAddress(world), port: HTTP_PORT });
  stack.use(new Passage(doors.library, gateway));
  stack.use(new Passage(doors.api, at(API_PORT)));
  stack.use(new Passage(doors.isthmusd, at(MONITORING_PORT)));
  stack.use(new Passage(doors.console, at(CONSOLE_PORT)));
  return stack;
}

/** The administrator's, as it is to be used outside: the certificate has the loopback's address. */
export function visitorsKubeconfig(world: LibraryWorld, doors: Doors): string {
  const text = readFileSync(world.cluster.kubeconfig, 'utf8');
  const inside = `https://${CONTROL_PLANE.address}:${API_PORT}`;
  return text.replaceAll(inside, `https://127.0.0.1:${portOf(doors.api)}`);
}
