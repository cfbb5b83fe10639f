import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { apply, meshOf, remove } from '#model/mesh-of.ts';
import { JwksKeeper } from './jwks.ts';
import { FakeClock } from '../../test/fakes/clock.ts';

const URI = 'https://issuer.example/keys';
const DISCOVERY = 'https://issuer.example/.well-known/openid-configuration';
const REFRESH_MS = 20 * 60_000;

const authentication = (rule: string): string => `
kind: RequestAuthentication
metadata: { name: jwt, namespace: shop }
spec: { jwtRules: [${rule}] }
`;
const BY_URI = authentication(`{ issuer: 'https://issuer.example', jwksUri: '${URI}' }`);
const BY_ISSUER = authentication(`{ issuer: 'https://issuer.example/' }`);

const keys = (...ids: readonly string[]): string =>
  JSON.stringify({ keys: ids.map((kid) => ({ kty: 'EC', kid, crv: 'P-256', x: 'a', y: 'b' })) });

/** Servers that answer what a test says, and a keeper that asks them. */
class World {
  readonly mesh = meshOf('');
  readonly clock = new FakeClock();
  readonly answers = new Map<string, () => Response | Promise<Response>>();
  readonly asked: string[] = [];
  #told = Promise.withResolvers<void>();

  constructor(t: TestContext) {
    const keeper = new JwksKeeper({
      mesh: this.mesh,
      onChanged: () => {
        this.mesh.commit();
        this.#told.resolve();
      },
      fetch: async (url, { signal }) => {
        this.asked.push(url);
        const answer = this.answers.get(url)?.() ?? new Response('nothing', { status: 404 });
        return Promise.race([answer, rejection(signal)]);
      },
      clock: this.clock,
      random: () => 0,
      log: silentLogger,
    });
    const stop = new AbortController();
    const running = keeper.run(stop.signal);
    t.after(async () => {
      stop.abort();
      await running;
    });
  }

  says(url: string, body: string, status = 200): void {
    this.answers.set(url, () => new Response(body, { status }));
  }

  /** Resolves when the keeper has written something into the mesh. */
  async told(): Promise<void> {
    await this.#told.promise;
    this.#told = Promise.withResolvers();
  }

  keySet(uri = URI): string | undefined {
    return this.mesh.requestAuthentications.jwksOf(uri);
  }
}

/** As `fetch` behaves. */
function rejection(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}

test('a key set is fetched when it is named, refreshed, and forgotten with its last rule', async (t) => {
  const world = new World(t);
  world.says(URI, keys('a'));
  apply(world.mesh, BY_URI);
  await world.told();
  assert.equal(world.keySet(), keys('a'));
  world.says(URI, keys('a', 'b'));
  await world.clock.untilSleeping(REFRESH_MS);
  world.clock.advance(REFRESH_MS);
  await world.told();
  assert.equal(world.keySet(), keys('a', 'b'));
  remove(world.mesh, BY_URI);
  await world.told();
  assert.equal(world.keySet(), undefined);
});

test('an issuer that says nothing of its keys is asked where they are', async (t) => {
  const world = new World(t);
  world.says(DISCOVERY, JSON.stringify({ jwks_uri: URI }));
  world.says(URI, keys('a'));
  apply(world.mesh, BY_ISSUER);
  await world.told();
  assert.equal(world.keySet(DISCOVERY), keys('a'));
  assert.deepEqual(world.asked, [DISCOVERY, URI]);
});

test('what was had once stays while it cannot be had', async (t) => {
  const world = new World(t);
  world.says(URI, keys('a'));
  apply(world.mesh, BY_URI);
  await world.told();
  world.says(URI, 'down', 503);
  await world.clock.untilSleeping(REFRESH_MS);
  world.clock.advance(REFRESH_MS);
  await world.clock.untilSleeping(25); // the first retry
  assert.equal(world.keySet(), keys('a'));
  world.says(URI, keys('c'));
  world.clock.advance(25);
  await world.told();
  assert.equal(world.keySet(), keys('c'));
});

for (const [name, body] of [
  ['a page', '<html>'],
  ['a set without keys', '{"keys":[]}'],
  ['a set that is too long', keys('a'.repeat(1 << 20))],
] as const) {
  test(`${name} is no key set`, async (t) => {
    const world = new World(t);
    world.says(URI, body);
    apply(world.mesh, BY_URI);
    await world.clock.untilSleeping(25);
    assert.equal(world.keySet(), undefined);
  });
}

test('nothing but public keys is handed on', async (t) => {
  const world = new World(t);
  const key = { kty: 'RSA', n: 'n', e: 'e', d: 'secret', x5c: ['…'] };
  world.says(URI, JSON.stringify({ keys: [key, 'x'], secret: 'also' }));
  apply(world.mesh, BY_URI);
  await world.told();
  assert.equal(world.keySet(), '{"keys":[{"kty":"RSA","n":"n","e":"e"}]}');
});

test('a server that does not answer is given up after the rule’s timeout', async (t) => {
  const world = new World(t);
  world.answers.set(URI, () => new Promise<Response>(() => undefined));
  apply(world.mesh, authentication(`{ issuer: a, jwksUri: '${URI}', timeout: 7s }`));
  await world.clock.untilSleeping(7000);
  world.clock.advance(7000);
  await world.clock.untilSleeping(25); // it will be asked again
  assert.equal(world.keySet(), undefined);
});
