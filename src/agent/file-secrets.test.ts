// Secrets that are files: read when wanted, told again when they change, waited for when not there.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import {
  certificateFileSecret,
  credentialRootsSecret,
  credentialSecret,
  parseFileSecret,
  rootFileSecret,
} from '#base/file-secret.ts';
import { silentLogger } from '#base/log.ts';
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { FakeClock } from '../../test/fakes/clock.ts';
import { FileSecrets } from './file-secrets.ts';

const LIMIT = { timeout: 10_000 };

class Bench {
  readonly clock = new FakeClock();
  /** Secrets by name; while there are none, they may not be read. */
  readonly cluster = new Map<string, Readonly<Record<string, string>>>();
  readonly secrets = new FileSecrets({
    clock: this.clock,
    log: silentLogger,
    readSecret: (name) => this.#read(name),
  });
  readonly folder: string;
  #changed = Promise.withResolvers<void>();

  constructor(folder: string) {
    this.folder = folder;
    this.secrets.onChange(() => this.#changed.resolve());
  }

  static async start(t: TestContext): Promise<Bench> {
    const bench = new Bench(await mkdtemp(join(tmpdir(), 'file-secrets-')));
    const stop = new AbortController();
    const running = bench.secrets.run(stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
    t.after(async () => {
      stop.abort();
      await running;
      await rm(bench.folder, { recursive: true });
    });
    return bench;
  }

  async #read(name: string): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
    const data = this.cluster.get(name);
    if (this.cluster.size === 0) throw new Error('forbidden');
    if (data === undefined) return undefined;
    const encoder = new TextEncoder();
    return new Map(Object.entries(data).map(([key, text]) => [key, encoder.encode(text)]));
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  /** After what `act` does, the next change. */
  async change(act: () => Promise<void> | void): Promise<void> {
    this.#changed = Promise.withResolvers();
    await act();
    await this.#changed.promise;
  }

  text(name: string): string | undefined {
    const resource = this.secrets.secrets.get(name)?.resource;
    const type = resource && anyUnpack(resource, SecretSchema)?.type;
    const source = type?.case === 'validationContext' ? type.value.trustedCa?.specifier : undefined;
    const chain =
      type?.case === 'tlsCertificate' ? type.value.certificateChain?.specifier : undefined;
    const found = source ?? chain;
    return found?.case === 'inlineBytes' ? new TextDecoder().decode(found.value) : undefined;
  }
}

test('names are Istio’s, and read back', () => {
  const certificate = { chain: '/c', key: '/k' };
  assert.equal(certificateFileSecret(certificate), 'file-cert:/c~/k');
  assert.deepEqual(parseFileSecret('file-cert:/c~/k'), { kind: 'certificate', ...certificate });
  assert.equal(rootFileSecret('/ca'), 'file-root:/ca');
  assert.equal(rootFileSecret(''), 'file-root:system');
  assert.deepEqual(parseFileSecret('file-root:system'), { kind: 'roots', file: '' });
  for (const name of ['default', 'ROOTCA', 'file-cert:/c', 'file-cert:a~b~c', 'file-root:']) {
    assert.equal(parseFileSecret(name), undefined, name);
  }
});

test('a file is read when it is wanted, and again when it is another', LIMIT, async (t) => {
  const bench = await Bench.start(t);
  const name = rootFileSecret(bench.file('ca'));
  await writeFile(bench.file('ca'), 'one');
  await bench.change(() => bench.secrets.want(name));
  assert.equal(bench.text(name), 'one');
  await bench.change(async () => {
    await writeFile(bench.file('ca'), 'two');
    await bench.clock.untilSleeping(5000);
    bench.clock.advance(5000);
  });
  assert.equal(bench.text(name), 'two');
});

test('a certificate that is not there yet is waited for', LIMIT, async (t) => {
  const bench = await Bench.start(t);
  const name = certificateFileSecret({ chain: bench.file('c'), key: bench.file('k') });
  bench.secrets.want(name);
  await bench.change(async () => {
    await writeFile(bench.file('c'), 'chain');
    await writeFile(bench.file('k'), 'key');
    await bench.clock.untilSleeping(5000);
    bench.clock.advance(5000);
  });
  assert.equal(bench.text(name), 'chain');
});

test('what the machine trusts is known without a file', LIMIT, async (t) => {
  const bench = await Bench.start(t);
  await bench.change(() => bench.secrets.want(rootFileSecret('')));
  assert.match(bench.text(rootFileSecret('')) ?? '', /BEGIN CERTIFICATE/);
});

test(
  'a Secret of the namespace is a certificate, and the roots of its clients',
  LIMIT,
  async (t) => {
    const bench = await Bench.start(t);
    const certificate = credentialSecret('front-tls');
    const roots = credentialRootsSecret('front-tls');
    assert.deepEqual(parseFileSecret(certificate), { kind: 'credential', name: 'front-tls' });
    assert.deepEqual(parseFileSecret(roots), { kind: 'credential-roots', name: 'front-tls' });
    assert.equal(parseFileSecret('kubernetes://other/front-tls'), undefined);
    bench.cluster.set('front-tls', { 'tls.crt': 'chain', 'tls.key': 'key', 'ca.crt': 'roots' });
    await bench.change(() => bench.secrets.want(certificate));
    assert.equal(bench.text(certificate), 'chain');
    await bench.change(() => bench.secrets.want(roots));
    assert.equal(bench.text(roots), 'roots');
  },
);

test('a Secret that may not be read is waited for, and asked for again', LIMIT, async (t) => {
  const bench = await Bench.start(t);
  const certificate = credentialSecret('front-tls');
  bench.secrets.want(certificate);
  await bench.clock.untilSleeping(5000);
  assert.equal(bench.text(certificate), undefined);
  bench.cluster.set('front-tls', { cert: 'chain', key: 'key' });
  await bench.change(() => bench.clock.advance(5000));
  assert.equal(bench.text(certificate), 'chain');
  bench.cluster.set('front-tls', { cert: 'renewed', key: 'key' });
  await bench.change(async () => {
    for (let passedMs = 0; passedMs < 30_000; passedMs += 5000) {
      bench.clock.advance(5000);
      await bench.clock.untilSleeping(5000);
    }
  });
  assert.equal(bench.text(certificate), 'renewed');
});
