// Ports that nobody listens on.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { OperatorError } from '#base/operator-error.ts';

/** So many different ones, free on every address a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, '0.0.0.0');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address === 'object' && address !== null) ports.push(address.port);
  }
  for (const server of servers) {
    server.close();
    await once(server, 'close');
  }
  return ports;
}

/** @throws OperatorError LAB_FAILED where the computer does not have the address */
export async function assertLoopback(address: string): Promise<void> {
  const server = createServer();
  try {
    server.listen(0, address);
    await once(server, 'listening');
  } catch (cause) {
    throw new OperatorError('LAB_FAILED', `this computer has no loopback address ${address}`, {
      remedy: `add it for the time being: sudo ifconfig lo0 alias ${address}`,
      cause,
    });
  }
  server.close();
  await once(server, 'close');
}
