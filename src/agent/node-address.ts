// The address that this workload is known by, where ISTIO_SVC_IP does not say it.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { OperatorError } from '#base/operator-error.ts';
import type { HostPort } from './settings.ts';

/**
 * The source address of the route to the control plane; the first address of `hostname -I`, which
 * Istio takes, is often that of another network card. Nothing is sent.
 *
 * @throws OperatorError CONFIG_INVALID when the machine has no address
 */
export async function nodeAddress(
  configured: string | undefined,
  targets: readonly HostPort[],
): Promise<string> {
  if (configured !== undefined) return configured;
  for (const target of targets) {
    const address = await sourceAddressTo(target);
    if (address !== undefined) return address;
  }
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const address = addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address;
  if (address !== undefined) return address;
  throw new OperatorError('CONFIG_INVALID', 'this machine has no network address', {
    remedy: 'bring its network up, or say its address by ISTIO_SVC_IP',
  });
}

async function sourceAddressTo({ host, port }: HostPort): Promise<string | undefined> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.connect(port, host);
    await once(socket, 'connect');
    const { address } = socket.address();
    return address === '0.0.0.0' || address === '::' ? undefined : address;
  } catch {
    return undefined; // no route, or a name that does not resolve
  } finally {
    socket.close();
  }
}
