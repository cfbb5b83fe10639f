import assert from 'node:assert/strict';
import { mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Seal } from './sealed-file.ts';

const CONTENT = Buffer.from('what Envoy accepted');

class Folder implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  static async make(): Promise<Folder> {
    return new Folder(await mkdtemp(join(tmpdir(), 'isthmus-seal-')));
  }

  path(name: string): string {
    return join(this.#path, name);
  }

  seal(keyFile?: string): Promise<Seal> {
    return Seal.load({ keyFile, ownKeyFile: this.path('seal.key') });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#path, { recursive: true });
  }
}

test('what is sealed opens again, also for the next run, and cannot be read', async () => {
  await using folder = await Folder.make();
  await (await folder.seal()).write(folder.path('a'), CONTENT);
  const next = await folder.seal();
  assert.deepEqual(await next.read(folder.path('a')), CONTENT);
  assert.equal(await next.read(folder.path('b')), undefined);
  assert.equal((await readFile(folder.path('a'))).includes('Envoy'), false);
  for (const name of ['a', 'seal.key']) {
    assert.equal((await stat(folder.path(name))).mode & 0o777, 0o600, name);
  }
});

describe('what does not open', () => {
  test('a file with one bit changed, or cut, or that never was sealed', async () => {
    const seal = new Seal(new Uint8Array(32));
    const sealed = seal.seal('a', CONTENT);
    assert.deepEqual(seal.open('a', sealed), CONTENT);
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Uint8Array.from(sealed);
      changed[index] = (changed[index] ?? 0) ^ 1;
      assert.equal(seal.open('a', changed), undefined, `bit in byte ${index}`);
      assert.equal(seal.open('a', sealed.subarray(0, index)), undefined, `cut at ${index}`);
    }
    assert.equal(seal.open('a', CONTENT), undefined);
  });

  test('a file under another’s name, or of another machine', async () => {
    await using folder = await Folder.make();
    const seal = await folder.seal();
    await seal.write(folder.path('a'), CONTENT);
    await rename(folder.path('a'), folder.path('b'));
    assert.equal(await seal.read(folder.path('b')), 'broken');
    await seal.write(folder.path('a'), CONTENT);
    await rm(folder.path('seal.key'));
    const other = await folder.seal();
    assert.equal(await other.read(folder.path('a')), 'broken');
  });
});

describe('a key that the operator gives', () => {
  test('is the one that counts', async () => {
    await using folder = await Folder.make();
    await writeFile(folder.path('given'), new Uint8Array(32).fill(7));
    const seal = await folder.seal(folder.path('given'));
    assert.deepEqual(
      new Seal(new Uint8Array(32).fill(7)).open('a', seal.seal('a', CONTENT)),
      CONTENT,
    );
    await assert.rejects(stat(folder.path('seal.key')));
  });

  test('that is missing or too short is said, with how to make one', async () => {
    await using folder = await Folder.make();
    await assert.rejects(folder.seal(folder.path('none')), {
      code: 'FILE_UNREADABLE',
      remedy: /head -c 32/,
    });
    await writeFile(folder.path('short'), 'secret');
    await assert.rejects(folder.seal(folder.path('short')), {
      code: 'CONFIG_INVALID',
      message: /has 6 bytes, not 32/,
    });
  });
});
