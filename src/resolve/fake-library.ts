// A small mesh for tests: one database on a VM, as the clients of every namespace see it.
import { MeshCatalog } from './catalog.ts';
import { fakeEndpoint, fakeIdentity, FakeMesh, fakeService, fakeWorkload } from './fake-mesh.ts';
import { simulateOutbound } from './simulate-call.ts';
import type { OutboundCall } from './simulate-call.ts';

export const HOST = 'db.default.svc.cluster.local';
export const VIP = '240.240.0.5';
export const VM = '10.128.0.14';

const CLIENT = fakeWorkload({
  kind: 'Pod',
  namespace: 'shop',
  name: 'web',
  addresses: ['10.0.0.9'],
});
export const SERVER = fakeWorkload({ name: 'db', addresses: [VM] });
export const client = fakeIdentity(CLIENT);
export const server = fakeIdentity(SERVER);

export type Library = { readonly mesh: FakeMesh; readonly catalog: MeshCatalog };

export function library(): Library {
  const mesh = new FakeMesh();
  const catalog = new MeshCatalog(mesh);
  const service = fakeService({ host: HOST, port: 5432, addresses: [VIP] });
  for (const workload of [CLIENT, SERVER]) mesh.workloads.set(workload.key, workload);
  mesh.services.set(service.key, service);
  mesh.owners.set(VIP, { kind: 'service', service });
  mesh.owners.set(VM, { kind: 'workload', workload: SERVER });
  mesh.endpoints.set(service.key, {
    byPort: new Map([[5432, [fakeEndpoint(SERVER, { port: 5432 })]]]),
    headlessAddresses: [],
  });
  mesh.ports.set(SERVER.key, [
    {
      port: 5432,
      protocol: 'tcp',
      deliverAddress: '127.0.0.1',
      service: { key: service.key, host: HOST, port: 5432, portName: 'tcp' },
    },
  ]);
  return { mesh, catalog };
}

/** The client connects to an address. */
export const call = (catalog: MeshCatalog, address: string, port = 5432): OutboundCall =>
  simulateOutbound(catalog, client, { address, port });
