// The cache of Envoy's configuration on disk, sealed. Written soon after a change and at the end.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { Seal } from './sealed-file.ts';
import { XdsCache, type CachedResource, type CachedTypes } from './xds-cache.ts';

/** A new destination changes it; the disk is spared. */
const SAVE_INTERVAL_MS = 2_000;

export type XdsCacheFileOptions = {
  readonly path: string;
  readonly seal: Seal;
  /** Whose configuration it is: of another identity none is believed. */
  readonly owner: string;
  readonly clock: Clock;
  readonly log: Logger;
};

export class XdsCacheFile {
  readonly cache: XdsCache;
  readonly #options: XdsCacheFileOptions;
  #isDirty = false;

  private constructor(options: XdsCacheFileOptions, kept: CachedTypes) {
    this.#options = options;
    this.cache = new XdsCache(() => void (this.#isDirty = true), kept);
  }

  /** A file that does not open or makes no sense counts as none. @throws FILE_UNREADABLE */
  static async load(options: XdsCacheFileOptions): Promise<XdsCacheFile> {
    const content = await options.seal.read(options.path);
    if (content === 'broken') options.log.warn('the kept configuration is not ours, and not used');
    const isUsable = content !== undefined && content !== 'broken';
    return new XdsCacheFile(options, isUsable ? parse(content, options.owner) : new Map());
  }

  /** Keeps the file up to date until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        await this.#options.clock.sleep(SAVE_INTERVAL_MS, signal);
        await this.#save();
      }
    } finally {
      await this.#save();
    }
  }

  async #save(): Promise<void> {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    const { path, seal, owner, log } = this.#options;
    try {
      await seal.write(path, render(this.cache.types, owner));
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      this.#isDirty = true;
      log.warn('configuration not kept for a restart', { reason: error.message });
    }
  }
}

type Entry = readonly [
  typeUrl: string,
  name: string,
  version: string,
  bytes: string,
  asked: boolean,
];

function render(types: CachedTypes, owner: string): Uint8Array {
  const entries = [...types].flatMap(([typeUrl, resources]) =>
    [...resources].map(([name, { version, bytes, isAsked }]): Entry => {
      return [typeUrl, name, version, Buffer.from(bytes).toString('base64'), isAsked];
    }),
  );
  return Buffer.from(JSON.stringify({ owner, entries }));
}

/** What is sealed was written by us; another version of us may have written it otherwise. */
function parse(content: Uint8Array, owner: string): CachedTypes {
  const types = new Map<string, Map<string, CachedResource>>();
  const state: unknown = JSON.parse(Buffer.from(content).toString('utf8'));
  if (!isState(state) || state.owner !== owner) return types;
  for (const entry of state.entries) {
    if (!isEntry(entry)) continue;
    const [typeUrl, name, version, bytes, isAsked] = entry;
    const resources = types.get(typeUrl) ?? new Map<string, CachedResource>();
    types.set(typeUrl, resources);
    resources.set(name, { version, bytes: Buffer.from(bytes, 'base64'), isAsked });
  }
  return types;
}

const isState = (
  value: unknown,
): value is { readonly owner: string; readonly entries: readonly unknown[] } =>
  typeof value === 'object' &&
  value !== null &&
  'owner' in value &&
  typeof value.owner === 'string' &&
  'entries' in value &&
  Array.isArray(value.entries);

const isEntry = (value: unknown): value is Entry =>
  Array.isArray(value) &&
  value.length === 5 &&
  value.slice(0, 4).every((part) => typeof part === 'string') &&
  typeof value[4] === 'boolean';
