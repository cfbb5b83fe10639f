import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { freePorts } from './ports.ts';

test('free ports are different, and none that the system gives to others meanwhile', async () => {
  const range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'); // ip(7)
  const [first = 0] = range.split('\t').map(Number);
  const ports = await freePorts(20);
  assert.equal(new Set(ports).size, 20);
  for (const port of ports) assert(port < first, `${port} is one of ${range}`);
  const server = createServer().listen(ports[0], '0.0.0.0');
  await once(server, 'listening');
  server.close();
});
