// Certificates and roots that a DestinationRule names by their files on this machine: read here,
// and told to Envoy by SDS under Istio's names. A file that is not there, or that the agent may not
// read, is told of in the log and waited for; nothing goes out meanwhile.
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { getCACertificates } from 'node:tls';
import { create } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { parseFileSecret } from '#base/file-secret.ts';
import type { FileSecret } from '#base/file-secret.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import type { Secrets } from './sds.ts';

/** How often files are looked at again: whoever renews one keeps the old one valid for longer. */
const REFRESH_MS = 5000;
/** A bundle of every public authority is a quarter of this. */
const FILE_BYTES_MAX = 1 << 20;
/** More are wanted by no mesh that anybody has; the names come from the control plane. */
const WANTED_MAX = 256;

type Inline = { readonly specifier: { readonly case: 'inlineBytes'; readonly value: Uint8Array } };

export class FileSecrets {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #wanted = new Map<string, FileSecret>();
  /** What was said of each in the log, so that it is said once. */
  readonly #problems = new Map<string, string>();
  #secrets: Secrets = new Map();
  #onChange: () => void = () => undefined;
  #wake = new AbortController();

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Logger }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Those that could be read. */
  get secrets(): Secrets {
    return this.#secrets;
  }

  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /** From now on: read soon, and again and again. Names of another kind are nobody's here. */
  want(name: string): void {
    if (this.#wanted.has(name) || this.#wanted.size >= WANTED_MAX) return;
    const secret = parseFileSecret(name);
    if (secret === undefined) return;
    this.#wanted.set(name, secret);
    this.#wake.abort();
  }

  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      this.#wake = new AbortController();
      const woken = AbortSignal.any([signal, this.#wake.signal]);
      await this.#refresh();
      try {
        await this.#clock.sleep(REFRESH_MS, woken);
      } catch {
        signal.throwIfAborted(); // else somebody wants another
      }
    }
  }

  async #refresh(): Promise<void> {
    const read = await Promise.all(
      [...this.#wanted].map(async ([name, secret]) => {
        const found = await this.#read(name, secret);
        return found ? ([name, found] as const) : undefined;
      }),
    );
    const secrets = new Map(read.flatMap((entry) => (entry ? [entry] : [])));
    const isSame =
      secrets.size === this.#secrets.size &&
      [...secrets].every(([name, { version }]) => this.#secrets.get(name)?.version === version);
    if (isSame) return;
    this.#secrets = secrets;
    this.#onChange();
  }

  /** @returns what it was, should it be gone for now */
  async #read(name: string, secret: FileSecret) {
    try {
      const { content, type } = await contentOf(secret);
      this.#problems.delete(name);
      const version = createHash('sha256').update(content).digest('hex').slice(0, 16);
      return { version, resource: anyPack(SecretSchema, create(SecretSchema, { name, type })) };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (this.#problems.get(name) !== reason) this.#log.warn('no secret', { name, reason });
      this.#problems.set(name, reason);
      return this.#secrets.get(name);
    }
  }
}

/** @returns the content by which a change is told, without keys: a new key has a new certificate */
async function contentOf(
  secret: FileSecret,
): Promise<{ readonly content: Uint8Array; readonly type: SecretType }> {
  if (secret.kind === 'certificate') {
    const [chain, key] = await Promise.all([readSmall(secret.chain), readSmall(secret.key)]);
    const value = { certificateChain: inline(chain), privateKey: inline(key) };
    return { content: chain, type: { case: 'tlsCertificate', value } };
  }
  const roots = secret.file === '' ? machineRoots() : await readSmall(secret.file);
  return {
    content: roots,
    type: { case: 'validationContext', value: { trustedCa: inline(roots) } },
  };
}

type SecretType =
  | {
      readonly case: 'tlsCertificate';
      readonly value: { readonly certificateChain: Inline; readonly privateKey: Inline };
    }
  | { readonly case: 'validationContext'; readonly value: { readonly trustedCa: Inline } };

const inline = (value: Uint8Array): Inline => ({ specifier: { case: 'inlineBytes', value } });

/** What the machine trusts; where it has nothing of the kind, what this program was built with. */
function machineRoots(): Uint8Array {
  const ofSystem = getCACertificates('system');
  const all = ofSystem.length > 0 ? ofSystem : getCACertificates('bundled');
  return new TextEncoder().encode(all.join('\n'));
}

async function readSmall(path: string): Promise<Uint8Array> {
  await using file = await open(path, 'r');
  const stat = await file.stat();
  if (!stat.isFile()) throw new Error(`${path} is no file`); // a device may have no end
  const { size } = stat;
  if (size > FILE_BYTES_MAX) throw new Error(`${path} is larger than ${FILE_BYTES_MAX} bytes`);
  return file.readFile();
}
