// Probes in a real kernel, under the rules that lead a Pod's traffic through its proxy: who asks
// from beside the application reaches it, who asks from outside reaches the proxy.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { probeApp } from '../../src/agent/app-probes-run.ts';
import { captureSets } from '../../src/agent/capture/addresses.ts';
import { systemNft } from '../../src/agent/capture/nft.ts';
import { planCapture } from '../../src/agent/capture/plan.ts';
import { parseAgentConfig } from '../../src/agent/config.ts';
import { isInside, Neighbour, runInside } from './agent-namespace.ts';

const OWN = '10.24.0.14';
const NEIGHBOUR = '10.24.0.1';
const APP_PORT = 8080;
const ASK = `fetch('http://${OWN}:${APP_PORT}/').then((r) => r.text()).then(console.log)`;

if (isInside) test('who asks whom', asksWhom);
else {
  test('probes under capture, in namespaces of their own', { timeout: 60_000 }, async () => {
    const { status, output } = await runInside(import.meta.url);
    assert.equal(status, 0, output);
    assert.match(output, /^ℹ pass 1|^# pass 1/m, output);
  });
}

async function asksWhom(): Promise<void> {
  await using neighbour = await Neighbour.plugIn(OWN, NEIGHBOUR);
  const env = { ISTIO_INBOUND_PORTS: '*', ISTIO_SERVICE_CIDR: '10.24.0.0/16' };
  const input = { argv: [], env, hostname: 'web', readFile: () => undefined };
  const config = parseAgentConfig({ ...input, parseYaml: () => undefined }).capture;
  const mesh = { ranges: ['10.24.0.0/16'], addresses: [] };
  const sets = captureSets({ mesh, ranges: [], controlPlane: [] });
  await systemNft.apply(planCapture({ config, sets, ownPorts: [] }));
  const servers = [
    [APP_PORT, 'the application'],
    [config.inboundPort, 'the proxy'],
  ] as const;
  for (const [port, name] of servers) {
    const server = createServer((_, response) => response.end(name)).listen(port, '0.0.0.0');
    await once(server, 'listening');
    server.unref();
  }
  const outside = await neighbour.run(process.execPath, '-e', ASK);
  assert.equal(outside.trim(), 'the proxy');
  const http = { kind: 'http', scheme: 'http', port: APP_PORT, path: '/', headers: [] } as const;
  for (const action of [http, { kind: 'tcp', port: APP_PORT } as const]) {
    const asking = { ip: OWN, clock: systemClock, agent: 'test' };
    const { status, text } = await probeApp({ action, timeoutMs: 2000 }, asking);
    assert.equal(status, 200, text);
    if (action.kind === 'http') assert.equal(text, 'the application');
  }
}
