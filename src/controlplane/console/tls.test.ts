// The console over TLS: certificates come and go, connections and sessions do not.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { TLSSocket } from 'node:tls';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { createFakeAuthority } from '#ca/fake-authority.ts';
import {
  issueServerCertificate,
  runServerCertificate,
  serverNames,
} from '#ca/server-certificate.ts';
import { isRecord } from '#kube/objects.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { EDITOR, startFakeConsole, type FakeConsole } from './fake-console.ts';
import type { ServingCertificate } from './server.ts';

const HALF_LIFE_MS = 12 * 3_600_000;

describe('a console with the mesh’s certificate', () => {
  /** Of certificates alone: the first was made half a life ago. The rest lives by the machine's. */
  const clock = new FakeClock(systemClock.nowMs() - HALF_LIFE_MS);
  const { authority } = createFakeAuthority(clock.nowMs());
  const names = serverNames([]);
  const first = issueServerCertificate(authority, names, clock.nowMs());
  const stop = new AbortController();
  let console: FakeConsole;
  let renewing: Promise<void>;
  const renewed = Promise.withResolvers<void>();

  before(async () => {
    const { cert, key } = first.tls;
    console = await startFakeConsole(systemClock, { tls: { cert, key } });
    const options = {
      authority: () => authority,
      names,
      apply: ({ cert, key }: ServingCertificate) => {
        console.setTls({ cert, key });
        renewed.resolve();
      },
      clock,
      random: () => 0,
      log: silentLogger,
    };
    renewing = runServerCertificate(first, options, stop.signal);
  });
  after(async () => {
    stop.abort();
    await renewing;
    await console[Symbol.asyncDispose]();
  });

  type Asking = {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: unknown;
  };

  /** On a connection of its own. */
  async function ask(path: string, { method = 'GET', headers = {}, body }: Asking = {}) {
    const { hostname: host, port } = new URL(console.url);
    const asked = request({
      host,
      port,
      path,
      method,
      agent: false,
      headers: { 'content-type': 'application/json', ...headers },
      servername: 'localhost',
      ca: authority.trustBundlePem,
    });
    asked.end(body === undefined ? undefined : JSON.stringify(body));
    const answer: IncomingMessage = (await once(asked, 'response'))[0];
    assert(answer.socket instanceof TLSSocket);
    return { answer, serial: answer.socket.getPeerCertificate().serialNumber };
  }

  const bearer = { authorization: `Bearer ${EDITOR}` };

  test('the session’s cookie is secure, and bound to this host', async () => {
    const body = { token: EDITOR };
    const { answer } = await ask('/api/v1/session', { method: 'POST', body });
    const [cookie = ''] = answer.headers['set-cookie'] ?? [];
    answer.resume();
    assert.match(
      cookie,
      /^__Host-isthmus=[\w-]{43}; Path=\/; .*HttpOnly; SameSite=Strict; Secure$/,
    );
  });

  test('browsers are to come back by TLS alone, but not to this machine’s own name', async () => {
    const promise = async (headers: Record<string, string>): Promise<string | undefined> => {
      const { answer } = await ask('/', { headers });
      answer.resume();
      return answer.headers['strict-transport-security'];
    };
    assert.equal(await promise({ host: 'mesh.example:8443' }), 'max-age=15552000');
    for (const host of ['localhost:8443', '127.0.0.1:8443', '[::1]:8443']) {
      assert.equal(await promise({ host }), undefined, host);
    }
    await using plain = await startFakeConsole(systemClock);
    const answer = await plain.ask('/', { headers: { host: 'mesh.example' } });
    assert.equal(answer.headers.get('strict-transport-security'), null);
  });

  test('a new certificate is for new connections; a stream that is open lives on', async () => {
    const { answer: stream, serial } = await ask('/api/v1/ticks', { headers: bearer });
    const lines = stream.setEncoding('utf8')[Symbol.asyncIterator]();
    clock.advance(HALF_LIFE_MS);
    await renewed.promise;
    const next = await ask('/api/v1/session', { headers: bearer });
    assert.notEqual(next.serial, serial);
    const session: unknown = JSON.parse(await text(next.answer));
    assert(isRecord(session));
    assert.equal(session['user'], 'ed');
    assert.equal(console.tick('"still here"'), true);
    let told = '';
    while (!told.includes('still here')) told += String((await lines.next()).value);
    stream.destroy();
  });
});
