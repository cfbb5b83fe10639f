// Bearer tokens that strangers send: none but a whole token of this key is opened.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { fuzz } from '../../../test/fuzz/harness.ts';
import { TokenSigner } from './jwt.ts';

const signerOf = (): TokenSigner =>
  new TokenSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);

test('a damaged, cut, foreign or made-up token is not opened', () => {
  const [signer, stranger] = [signerOf(), signerOf()];
  const claims = { iss: 'me', sub: 'you', aud: ['a'], exp: 2_000_000_000 };
  const good = signer.sign(claims);
  assert.deepEqual(signer.open(good), claims);
  const base64 = (value: string): string => Buffer.from(value).toString('base64url');
  const parts = good.split('.');
  const json = fc.json().map(base64);
  const header = fc
    .constantFrom('none', 'HS256', 'ES256', 'RS256')
    .map((alg) => base64(JSON.stringify({ alg })));
  const token = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.nat(good.length - 1).map((length) => good.slice(0, length)),
    fc
      .tuple(fc.nat(good.length - 2), fc.constantFrom('.', 'A', '=', '-', '\n'))
      .map(([at, character]) => good.slice(0, at) + character + good.slice(at + 1)),
    fc.tuple(header, json, fc.string()).map((words) => words.join('.')),
    fc.tuple(json, fc.constant(parts[2] ?? '')).map((rest) => [parts[0], ...rest].join('.')),
    fc.constant(stranger.sign(claims)),
  );
  fc.assert(
    fc.property(token, (text) => {
      if (text === good) return;
      assert.equal(signer.open(text), undefined);
    }),
    fuzz(2000),
  );
});
