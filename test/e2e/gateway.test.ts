// The way in from outside: the gateway as its manifests make it, in the lab. Browsers reach the
// library through it, and the VM the control plane.
import assert from 'node:assert/strict';
import http from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { REPOSITORY } from '#lab/cloud.ts';
import { enterSandbox } from '#lab/enter.ts';
import { eventually } from '#lab/eventually.ts';
import { LibraryWorld } from '#lab/story/library-world.ts';

await enterSandbox();

describe('the gateway', { concurrency: false }, () => {
  let world: LibraryWorld;
  let host = '';

  const kubectl = (words: string, input = ''): Promise<string> =>
    world.kubectl.ok(words.split(' '), input);

  before(async () => {
    world = await LibraryWorld.create({ env: process.env });
    const manifests = `${REPOSITORY}/library/manifests`;
    await kubectl(`apply -f ${REPOSITORY}/deploy/gateway -f ${manifests}`);
    await kubectl(
      'wait -n istio-system --for=condition=Available deploy/istio-ingressgateway --timeout=60s',
    );
    await kubectl('wait -n library --for=condition=Available deploy --all --timeout=60s');
    host = await kubectl(
      'get pods -n istio-system -l istio=ingressgateway -o jsonpath={.items[0].status.podIP}',
    );
  });
  after(() => world[Symbol.asyncDispose]());

  test('leads browsers to the library', async () => {
    const page = await eventually('the page', async () => {
      const { status, body } = await ask({ host, port: 8080, path: '/' });
      return status === 200 ? body : undefined;
    });
    assert.match(page, /<title>[^<]*[Ll]ibrary/);
  });
});

async function ask(
  options: http.RequestOptions,
  body = '',
): Promise<{ readonly status: number; readonly body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const request = http.request({ ...options, agent: false }, resolve);
  request.on('error', reject);
  request.end(body);
  const response = await promise;
  return { status: response.statusCode ?? 0, body: await text(response) };
}
