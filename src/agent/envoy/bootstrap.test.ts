import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAgentConfig } from '../config.ts';
import { renderBootstrap } from './bootstrap.ts';

const configOf = (env: Readonly<Record<string, string>>) =>
  parseAgentConfig({
    argv: [],
    env,
    hostname: 'postgresql-1-vm',
    readFile: () => undefined,
    parseYaml: () => undefined,
  });
const asText = { serializers: [(value: unknown) => String(value)] };

test("the story's VM", (t) => {
  const config = configOf({
    ISTIO_META_WORKLOAD_NAME: 'postgresql-1-vm',
    ISTIO_METAJSON_LABELS: '{"app":"postgresql"}',
    SERVICE_ACCOUNT: 'postgresql-1-vm',
  });
  const bootstrap = renderBootstrap({
    config,
    ip: '10.128.0.14',
    socketPath: '/var/lib/istio/proxy/XDS',
  });
  const path = fileURLToPath(new URL('testdata/vm.json', import.meta.url));
  t.assert.fileSnapshot(bootstrap, path, asText);
});

test('an Envoy whose traffic is not captured needs no mark, and so no privilege', () => {
  const config = configOf({ ISTIO_INBOUND_INTERCEPTION_MODE: 'NONE' });
  const bootstrap = renderBootstrap({ config, ip: '10.0.0.1', socketPath: '/x' });
  assert.doesNotMatch(bootstrap, /SO_MARK/);
});

test('a gateway calls itself a router, and needs no mark either', () => {
  const env = { ISTHMUS_ROLE: 'router', POD_NAME: 'gw-1', POD_NAMESPACE: 'istio-system' };
  const bootstrap = renderBootstrap({ config: configOf(env), ip: '10.0.0.1', socketPath: '/x' });
  assert.match(
    bootstrap,
    /"router~10\.0\.0\.1~gw-1\.istio-system~istio-system\.svc\.cluster\.local"/,
  );
  assert.doesNotMatch(bootstrap, /SO_MARK/);
});
