// Files that say what a machine does while the control plane is away: they are believed after a
// restart, so they are sealed with a key of the machine's (AES-256-GCM, NIST SP 800-38D). A file
// that was changed, cut, swapped for another or sealed elsewhere does not open.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { OperatorError } from '#base/operator-error.ts';
import { isMissing, readBytesIfPresent, reasonOf, writeFileAtomic } from './files.ts';

const KEY_BYTES = 32;
/** The form of what follows; part of what is authenticated. */
const MAGIC = Buffer.from('isthmus-sealed-1\n');
const IV_BYTES = 12;
const TAG_BYTES = 16;

export class Seal {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    if (key.length !== KEY_BYTES) throw new Error(`a key of ${KEY_BYTES} bytes`);
    this.#key = key;
  }

  /**
   * The machine's key: of `keyFile` where the operator gives one (systemd's encrypted credentials
   * bind it to a TPM), else one of our own, mode 0600, made at the first start.
   *
   * @throws OperatorError FILE_UNREADABLE, CONFIG_INVALID, STORE_FAILED
   */
  static async load(options: {
    readonly keyFile: string | undefined;
    readonly ownKeyFile: string;
  }): Promise<Seal> {
    const { keyFile, ownKeyFile } = options;
    if (keyFile !== undefined) return new Seal(await readGivenKey(keyFile));
    const kept = await readBytesIfPresent(ownKeyFile);
    if (kept?.length === KEY_BYTES) return new Seal(kept);
    const key = randomBytes(KEY_BYTES);
    await writeFileAtomic(ownKeyFile, key);
    return new Seal(key);
  }

  /** Replaces a file as one step. @throws OperatorError STORE_FAILED */
  async write(path: string, content: Uint8Array): Promise<void> {
    await writeFileAtomic(path, this.seal(basename(path), content));
  }

  /**
   * What was written under this very name; undefined when there is no such file, and `broken` for
   * one that was not sealed by this machine as it is.
   *
   * @throws OperatorError FILE_UNREADABLE
   */
  async read(path: string): Promise<Uint8Array | 'broken' | undefined> {
    const sealed = await readBytesIfPresent(path);
    return sealed && (this.open(basename(path), sealed) ?? 'broken');
  }

  /** @param name of the thing: what is sealed under one name does not open under another */
  seal(name: string, content: Uint8Array): Uint8Array {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv).setAAD(associated(name));
    const sealed = Buffer.concat([cipher.update(content), cipher.final()]);
    return Buffer.concat([MAGIC, iv, cipher.getAuthTag(), sealed]);
  }

  open(name: string, sealed: Uint8Array): Uint8Array | undefined {
    const start = MAGIC.length + IV_BYTES + TAG_BYTES;
    if (sealed.length < start || !MAGIC.equals(sealed.subarray(0, MAGIC.length))) return undefined;
    const iv = sealed.subarray(MAGIC.length, MAGIC.length + IV_BYTES);
    const tag = sealed.subarray(MAGIC.length + IV_BYTES, start);
    const decipher = createDecipheriv('aes-256-gcm', this.#key, iv, { authTagLength: TAG_BYTES })
      .setAAD(associated(name))
      .setAuthTag(tag);
    try {
      return Buffer.concat([decipher.update(sealed.subarray(start)), decipher.final()]);
    } catch {
      return undefined; // it is not what was sealed
    }
  }
}

const associated = (name: string): Buffer => Buffer.concat([MAGIC, Buffer.from(name)]);

async function readGivenKey(path: string): Promise<Uint8Array> {
  let key: Uint8Array;
  try {
    key = await readFile(path);
  } catch (cause) {
    const what = isMissing(cause) ? 'there is no such file' : reasonOf(cause);
    throw new OperatorError('FILE_UNREADABLE', `cannot read the sealing key ${path}: ${what}`, {
      remedy: `make one with: head -c ${KEY_BYTES} /dev/urandom > ${path}`,
      cause,
    });
  }
  if (key.length === KEY_BYTES) return key;
  const problem = `ISTHMUS_SEAL_KEY_FILE ${path} has ${key.length} bytes, not ${KEY_BYTES}`;
  throw new OperatorError('CONFIG_INVALID', problem, {
    remedy: `make one with: head -c ${KEY_BYTES} /dev/urandom > ${path}`,
  });
}
