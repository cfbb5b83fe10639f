// Certificates and roots that rules and Gateways name, by files on this machine or by Secrets of
// the workload's namespace: read here, and told to Envoy by SDS under Istio's names. What is not
// there, or may not be read, is told of in the log and waited for; nothing goes out meanwhile.
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { getCACertificates } from 'node:tls';
import { create } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { assertNever } from '#base/assert-never.ts';
import { parseFileSecret } from '#base/file-secret.ts';
import type { FileSecret } from '#base/file-secret.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import type { ReadSecret } from './cluster-secrets.ts';
import type { Secrets } from './sds.ts';

/** How often files are looked at again: whoever renews one keeps the old one valid for longer. */
const REFRESH_MS = 5000;
/** And Secrets, each of which is a question to the Kubernetes API. */
const CREDENTIAL_REFRESH_MS = 30_000;
/** A bundle of every public authority is a quarter of this. */
const FILE_BYTES_MAX = 1 << 20;
/** More are wanted by no mesh that anybody has; the names come from the control plane. */
const WANTED_MAX = 256;

type Inline = { readonly specifier: { readonly case: 'inlineBytes'; readonly value: Uint8Array } };

export class FileSecrets {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #readSecret: ReadSecret;
  readonly #wanted = new Map<string, FileSecret>();
  /** When the Kubernetes API is to be asked again. */
  readonly #dueAtMs = new Map<string, number>();
  /** What was said of each in the log, so that it is said once. */
  readonly #problems = new Map<string, string>();
  #secrets: Secrets = new Map();
  #onChange: () => void = () => undefined;
  #wake = new AbortController();

  constructor(options: {
    readonly clock: Clock;
    readonly log: Logger;
    /** Absent: the workload has no account at a Kubernetes API. */
    readonly readSecret?: ReadSecret | undefined;
  }) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#readSecret = options.readSecret ?? NO_ACCOUNT;
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
    const isDue = this.#clock.nowMs() >= (this.#dueAtMs.get(name) ?? 0);
    const before = this.#secrets.get(name);
    if (before && !isDue) return before;
    if (isCredential(secret)) this.#dueAtMs.set(name, this.#clock.nowMs() + CREDENTIAL_REFRESH_MS);
    try {
      const { content, type } = await contentOf(secret, this.#readSecret);
      this.#problems.delete(name);
      const version = createHash('sha256').update(content).digest('hex').slice(0, 16);
      return { version, resource: anyPack(SecretSchema, create(SecretSchema, { name, type })) };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (this.#problems.get(name) !== reason) this.#log.warn('no secret', { name, reason });
      this.#problems.set(name, reason);
      return before;
    }
  }
}

/** @returns the content by which a change is told, without keys: a new key has a new certificate */
async function contentOf(
  secret: FileSecret,
  readSecret: ReadSecret,
): Promise<{ readonly content: Uint8Array; readonly type: SecretType }> {
  switch (secret.kind) {
    case 'certificate': {
      const [chain, key] = await Promise.all([readSmall(secret.chain), readSmall(secret.key)]);
      return certificate(chain, key);
    }
    case 'roots':
      return roots(secret.file === '' ? machineRoots() : await readSmall(secret.file));
    case 'credential': {
      const { name } = secret;
      const data = await readSecret(name);
      const chain = data?.get('tls.crt') ?? data?.get('cert');
      const key = data?.get('tls.key') ?? data?.get('key');
      if (chain && key) return certificate(chain, key);
      throw new Error(data ? `Secret ${name} has no tls.crt and tls.key` : `no Secret ${name}`);
    }
    case 'credential-roots': {
      const { name } = secret;
      const found = rootsIn(await readSecret(`${name}-cacert`)) ?? rootsIn(await readSecret(name));
      if (found) return roots(found);
      throw new Error(`neither Secret ${name}-cacert nor ${name} has a ca.crt`);
    }
    default:
      return assertNever(secret);
  }
}

const isCredential = ({ kind }: FileSecret): boolean => kind.startsWith('credential');

const NO_ACCOUNT: ReadSecret = () =>
  Promise.reject(new Error('this workload has no account at a Kubernetes API'));

const rootsIn = (data: ReadonlyMap<string, Uint8Array> | undefined): Uint8Array | undefined =>
  data?.get('ca.crt') ?? data?.get('cacert');

function certificate(chain: Uint8Array, key: Uint8Array) {
  const value = { certificateChain: inline(chain), privateKey: inline(key) };
  return { content: chain, type: { case: 'tlsCertificate', value } } as const;
}

function roots(pem: Uint8Array) {
  const value = { trustedCa: inline(pem) };
  return { content: pem, type: { case: 'validationContext', value } } as const;
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
