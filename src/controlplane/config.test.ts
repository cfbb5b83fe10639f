import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import { parseControlPlaneConfig } from './config.ts';

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
