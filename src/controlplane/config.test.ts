import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import { parseControlPlaneConfig } from './config.ts';
import { isLoopback } from './console/console.ts';

const parse = (...argv: string[]) => parseControlPlaneConfig(['--kubeconfig', 'k', ...argv], {});

test('the webhooks have their own port, and are found at the Service istiod', () => {
  const { webhooks, webhookUrl, proxyImage } = parse();
  assert.deepEqual(webhooks, { host: '0.0.0.0', port: 15_017 });
  assert.equal(webhookUrl, undefined);
  assert.equal(proxyImage, 'isthmus.dev/proxy:dev');
  assert.equal(
    parse('--webhook-url', 'https://10.0.0.5:15017/').webhookUrl,
    'https://10.0.0.5:15017',
  );
});

test('an address that no API server would take is refused', () => {
  for (const url of ['10.0.0.5:15017', 'http://10.0.0.5', 'https://u:p@10.0.0.5', 'https://a/?q']) {
    assert.throws(
      () => parse('--webhook-url', url),
      (error) => error instanceof OperatorError && error.message.includes(url),
      url,
    );
  }
});

test('nobody may embed the console but whose origin is said', () => {
  assert.deepEqual(parse().consoleEmbed, []);
  const origins = ['https://portal.example.com', 'http://10.0.0.5:8443'];
  const flags = origins.flatMap((origin) => ['--console-embed', origin]);
  assert.deepEqual(parse(...flags).consoleEmbed, origins);
  for (const text of [
    '*',
    "'self'",
    'https://a/path',
    'https://*.b; script-src *',
    'javascript:1',
  ]) {
    assert.throws(() => parse('--console-embed', text), /is no origin/, text);
  }
});

test('the console is on loopback, and in clear text elsewhere only when that is said', () => {
  assert.deepEqual(parse().console, { host: '127.0.0.1', port: 8080 });
  assert.equal(parse().consoleTls, 'auto');
  assert.equal(parse('--console', '0.0.0.0:80', '--console-tls', 'off').consoleTls, 'off');
  assert.throws(() => parse('--console-tls', 'no'), /neither auto nor off/);
  const isOwn = ['127.0.0.1', '127.9.9.9', '::1', 'localhost', '0.0.0.0', '::', '10.0.0.1'].map(
    (host) => isLoopback({ host, port: 1 }),
  );
  assert.deepEqual(isOwn, [true, true, true, true, false, false, false]);
});
