// Ports that nobody listens on.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { OperatorError } from '#base/operator-error.ts';

/**
 * Below what Linux (from 32768, ip(7) ip_local_port_range) and macOS (from 49152) give to whoever
 * connects or listens on port 0: a port of theirs may be somebody's before it is listened on.
 * Above what services and the lab are known by.
 */
const FIRST = 26_000;
const END = 32_768;
const ATTEMPTS_PER_PORT = 50;

/**
 * So many different ones, free on every address a moment ago, and not of those that the system
 * gives to others meanwhile.
 *
 * @throws OperatorError LAB_FAILED where nearly all ports are taken
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers: Server[] = [];
  const ports: number[] = [];
  for (let attempt = 0; ports.length < count && attempt < count * ATTEMPTS_PER_PORT; attempt += 1) {
    const port = randomInt(FIRST, END);
    const server = createServer();
    if (!(await couldListen(server, port))) continue;
    servers.push(server);
    ports.push(port);
  }
  for (const server of servers) {
    server.close();
    await once(server, 'close');
  }
  if (ports.length === count) return ports;
  throw new OperatorError('LAB_FAILED', `no ${count} free ports from ${FIRST} to ${END - 1}`, {
    remedy: 'end programs that listen there (ss -ltn)',
  });
}

/** False where somebody has the port. */
async function couldListen(server: Server, port: number): Promise<boolean> {
  try {
    server.listen(port, '0.0.0.0');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  }
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
