import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { OperatorError } from '#base/operator-error.ts';
import { runCli } from '../run.ts';
import { cloudOfProvider, renderRule } from '#reach/firewall/clouds.ts';
import { CLOUDS } from '#reach/firewall/cloud-names.ts';
import { parseRule } from '#reach/firewall/rule.ts';

const STORY = { from: '10.24.0.0/16', to: '10.128.0.14', port: '5432' };
const WORDS = '--from 10.24.0.0/16 --to 10.128.0.14 --port 5432'.split(' ');

async function typed(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const printed: string[] = [];
  const { signal } = new AbortController();
  await runCli(words, { env, signal, print: (text) => printed.push(text) });
  return printed.join('\n');
}

test('the rule of the story in the words of each cloud', (t) => {
  const said = CLOUDS.map((cloud) => renderRule(cloud, parseRule(STORY))).join('\n\n');
  const path = fileURLToPath(new URL('testdata/story.golden', import.meta.url));
  t.assert.fileSnapshot(said, path, { serializers: [(text: string) => `${text}\n`] });
});

test('names fit the narrowest cloud; single addresses and IPv6 work', () => {
  const v6 = parseRule({
    from: '2001:db8:ffff:ffff::/64',
    to: '2001:db8:1111:2222::5',
    port: '80',
  });
  assert.match(v6.name, /^[a-z][-a-z0-9]{0,61}[a-z0-9]$/);
  assert.match(renderRule('nftables', v6), /ip6 saddr 2001:db8:ffff:ffff::\/64 ip6 daddr/);
  assert.match(renderRule('aws', v6), /Ipv6Ranges=\[\{CidrIpv6=2001:db8:ffff:ffff::\/64,/);
  assert.equal(parseRule({ ...STORY, from: '10.24.2.23' }).from, '10.24.2.23/32');
});

test('what is no rule is named', () => {
  const rows: readonly [Partial<typeof STORY>, string][] = [
    [{ from: 'pods' }, '--from pods is no range such as 10.24.0.0/16'],
    [{ from: '10.24.0.0/33' }, '--from 10.24.0.0/33 is no range'],
    [{ to: '10.128.0.0/20' }, '--to 10.128.0.0/20 is no IP address'],
    [{ to: '2001:db8::1' }, 'are not of the same IP version'],
    [{ port: '0' }, '--port 0 is no port'],
    [{ port: '5432; true' }, '--port 5432; true is no port'],
  ];
  for (const [change, problem] of rows) {
    assert.throws(
      () => parseRule({ ...STORY, ...change }),
      (error) => error instanceof OperatorError && error.message.includes(problem),
      problem,
    );
  }
});

test('the cloud is seen at the nodes, or said', async () => {
  const ids: readonly [string, string | undefined][] = [
    ['gce://project/us-east1-b/node-1', 'gcp'],
    ['aws:///eu-west-1a/i-0123', 'aws'],
    ['azure:///subscriptions/1', 'azure'],
    ['kind://docker/kind/node', undefined],
    ['', undefined],
  ];
  for (const [id, cloud] of ids) assert.equal(cloudOfProvider(id), cloud, id);
  await assert.rejects(typed(['firewall', ...WORDS], { HOME: '/nonexistent' }), (error) => {
    assert(error instanceof OperatorError);
    assert.equal(error.remedy, 'say which with --cloud');
    return true;
  });
  await assert.rejects(typed(['firewall', '--cloud', 'gcp', ...WORDS, '--apply']), (error) => {
    assert(error instanceof OperatorError && error.code === 'USAGE');
    assert.equal(error.message, '--apply is for the lab, and this is gcp');
    return true;
  });
});

test('a lab that runs puts the rule in force, or says why not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'isthmus-lab-'));
  const socket = join(folder, 'lab.sock');
  const env = { ISTHMUS_LAB_SOCKET: socket };
  const words = ['firewall', '--cloud', 'lab', ...WORDS, '--apply'];
  await assert.rejects(typed(words, env), (error) => {
    assert(error instanceof OperatorError && error.code === 'LAB_FAILED');
    assert.match(error.message, /^no lab answers on .*lab\.sock/);
    return true;
  });
  const received: unknown[] = [];
  let status = 200;
  const lab = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      received.push(request.method, request.url, JSON.parse(body));
      response.writeHead(status).end(status === 200 ? '' : 'no machine has 10.128.0.14\n');
    });
  }).listen(socket);
  await once(lab, 'listening');
  try {
    assert.match(
      await typed(words, env),
      /^in force: 10\.24\.0\.0\/16 reaches 10\.128\.0\.14:5432$/m,
    );
    assert.deepEqual(received, ['POST', '/firewall/rules', parseRule(STORY)]);
    status = 422;
    await assert.rejects(typed(words, env), (error) => {
      assert(error instanceof OperatorError);
      assert.equal(error.message, 'the lab refused the rule: no machine has 10.128.0.14');
      return true;
    });
  } finally {
    lab.closeAllConnections();
    lab.close();
    await rm(folder, { recursive: true });
  }
});
