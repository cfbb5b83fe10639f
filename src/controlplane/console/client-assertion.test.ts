import assert from 'node:assert/strict';
import {
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  randomUUID,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { issueKeyPair, openAuthority } from '#apiserver/pki/authority.ts';
import {
  authorityKeyIdentifier,
  encodeName,
  keyIdentifierOf,
  serverAndClientUsage,
  signCertificate,
} from '#ca/certificate.ts';
import { toPem } from '#ca/der.ts';
import { CONFIG_MAP } from '#kube/resources.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { isAssertion, signAssertion, verifyAssertion } from './client-assertion.ts';
import { FakeReviews, VIEWER } from './fake-console.ts';
import { Identifier } from './identify.ts';
import { TokenReviews } from './token-reviews.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const DAY_MS = 86_400_000;
const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'authority-')));
const making = { nowMs: NOW, randomBytes: (size: number) => randomBytes(size) };
const [ours, theirs] = folders.map((folder) => openAuthority(folder, making));
assert(ours && theirs);
const subject = { commonName: 'kim', organizations: ['dev', 'ops'], names: [] };
const kim = issueKeyPair(ours, subject, making);
const stranger = issueKeyPair(theirs, subject, making);
const authoritiesPem = ours.certificatePem;

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const signed = (holder = kim, nowMs = NOW): string => {
  const assertion = signAssertion(holder, { nowMs, id: randomUUID() });
  assert(assertion !== undefined);
  return assertion;
};

const problemOf = (token: string, nowMs = NOW): string => {
  const found = verifyAssertion(token, { authoritiesPem, nowMs });
  return found.ok ? '' : found.problem;
};

const parts = (token: string): string[] => token.split('.');
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part = ''): Record<string, unknown> =>
  JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));

describe('an assertion', () => {
  test("says who it is by the certificate, as the API server's own authority signed it", () => {
    const found = verifyAssertion(signed(), { authoritiesPem, nowMs: NOW });
    assert(found.ok);
    assert.deepEqual(found.user, {
      username: 'kim',
      uid: '',
      groups: ['dev', 'ops', 'system:authenticated'],
      extra: {},
    });
    assert(found.endsAtMs > NOW + DAY_MS);
  });

  test('of another authority is none of our users', () => {
    assert.match(problemOf(signed(stranger)), /none of the API server's users/);
    assert.match(problemOf(signed({ ...kim, keyPem: stranger.keyPem })), /not by the certificate/);
  });

  test('of a certificate that only looks as if our authority had signed it is void', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const spkiOf = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' });
    const authority = createPublicKey(ours.key);
    const forged = signCertificate(
      {
        serial: randomBytes(16),
        issuer: encodeName([['CN', 'isthmus-apiserver-ca']]),
        subject: encodeName([
          ['O', 'system:masters'],
          ['CN', 'kim'],
        ]),
        notBeforeMs: NOW - DAY_MS,
        notAfterMs: NOW + DAY_MS,
        publicKey: spkiOf(publicKey),
        extensions: [
          serverAndClientUsage(),
          authorityKeyIdentifier(keyIdentifierOf(spkiOf(authority))),
        ],
      },
      privateKey, // not the authority's
    );
    const keyPem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    const holder = { certificatePem: toPem('CERTIFICATE', forged), keyPem };
    assert(new X509Certificate(forged).checkIssued(new X509Certificate(authoritiesPem)));
    assert.match(problemOf(signed(holder)), /none of the API server's users/);
  });

  test('that was changed after it was signed is void', () => {
    const [head = '', body = '', signature = ''] = parts(signed());
    const later = encode({ ...decode(body), jti: randomUUID() });
    assert.match(problemOf([head, later, signature].join('.')), /not by the certificate's key/);
    const other = parts(signed(stranger));
    const swapped = encode({ ...decode(head), x5c: decode(other[0])['x5c'] });
    assert.match(problemOf([swapped, body, signature].join('.')), /not by the certificate's key/);
    for (const alg of ['none', 'HS256', 'RS256']) {
      const weaker = [encode({ ...decode(head), alg }), body, signature].join('.');
      assert.match(problemOf(weaker), /algorithm is not the certificate's/);
    }
  });

  test('holds for a minute, by clocks that differ a little', () => {
    const token = signed();
    assert.equal(problemOf(token, NOW + 89_000), '');
    assert.equal(problemOf(token, NOW - 29_000), '');
    assert.match(problemOf(token, NOW + 92_000), /not of now/);
    assert.match(problemOf(token, NOW - 32_000), /not of now/);
  });

  test('ends with its certificate', () => {
    const late = NOW + 20 * 365 * DAY_MS;
    assert.match(problemOf(signed(kim, late), late), /expired/);
  });

  test('is told from other tokens', () => {
    assert(isAssertion(signed()));
    for (const other of ['', 'x', 'a.b.c', `${encode({ alg: 'ES256' })}.e30.x`]) {
      assert(!isAssertion(other));
      assert.notEqual(problemOf(other), '');
    }
    assert.match(problemOf(`${encode({ alg: 'ES256', x5c: ['AAAA'] })}.e30.x`), /no certificate/);
  });

  test('is made with the keys that people have', () => {
    const { privateKey } = generateKeyPairSync('ed448');
    const keyPem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    assert.equal(signAssertion({ ...kim, keyPem }, { nowMs: NOW, id: randomUUID() }), undefined);
  });
});

describe('whoever shows one', () => {
  const setUp = async (isPublished: boolean) => {
    const client = new FakeReviews();
    const clock = new FakeClock(NOW);
    if (isPublished) {
      await client.objects.create(CONFIG_MAP, {
        metadata: { namespace: 'kube-system', name: 'extension-apiserver-authentication' },
        data: { 'client-ca-file': authoritiesPem },
      });
    }
    const reviews = new TokenReviews(client, clock);
    return { clock, identifier: new Identifier({ client, reviews, clock }) };
  };

  test('is let in once with it', async () => {
    const { identifier, clock } = await setUp(true);
    const token = signed();
    assert((await identifier.identify(token)).ok);
    clock.advance(60_000);
    assert.deepEqual(await identifier.identify(token), {
      ok: false,
      problem: 'the assertion was used before',
    });
    assert((await identifier.identify(signed(kim, NOW + 60_000))).ok);
  });

  test('is told what to do where the cluster does not say whose certificates are good', async () => {
    const { identifier } = await setUp(false);
    const found = await identifier.identify(signed());
    assert(!found.ok);
    assert.match(found.problem, /use a token/);
    assert((await identifier.identify(VIEWER)).ok);
  });
});
