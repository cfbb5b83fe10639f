// A catalog in memory, for tests and benchmarks: what is put into it is what there is. It is strict
// where a real one may be lenient: it refuses to be read before it has settled, and to be released
// more often than acquired.
import assert from 'node:assert/strict';
import type { EncodedResource, ResourceCatalog, ResourceKey } from './catalog.ts';

type Held = { count: number; isSettled: boolean };

/** A key without a class: what is put under it is for every class that has nothing of its own. */
const keyOf = (typeUrl: string, name: string): ResourceKey => `${typeUrl} ${name}`;
const ofClass = (key: ResourceKey, name: string): ResourceKey =>
  name === '' ? key : `${key} @${name}`;
const CLASS_KEY: ResourceKey = 'class';
const wildcardKeyOf = (typeUrl: string): ResourceKey => `${typeUrl} *`;

export class FakeCatalog<Proxy> implements ResourceCatalog<Proxy> {
  readonly #resources = new Map<ResourceKey, EncodedResource>();
  /** What `settle()` will put in force; undefined: nothing. */
  readonly #written = new Map<ResourceKey, EncodedResource | undefined>();
  readonly #wildcards = new Map<ResourceKey, Set<string>>();
  readonly #tombstone: (typeUrl: string, name: string) => EncodedResource | undefined;
  readonly #held = new Map<ResourceKey, Held>();
  /** Key → the resource's stand-in, made once. */
  readonly #tombstones = new Map<ResourceKey, EncodedResource | undefined>();
  readonly #listeners = new Set<(changed: ReadonlySet<ResourceKey>) => void>();
  readonly #unsettled = new Set<Held>();
  /** Of every proxy, the present one first. */
  #classes: readonly string[] = [''];
  #changed = new Set<ResourceKey>();

  /** @param tombstone what stands for a name that means nothing (default: nothing does) */
  constructor(
    tombstone: (typeUrl: string, name: string) => EncodedResource | undefined = () => undefined,
  ) {
    this.#tombstone = tombstone;
  }

  /** In force after the next `settle()`, like every change. */
  put(
    typeUrl: string,
    resource: EncodedResource,
    options: { readonly isMember?: boolean; readonly ofClass?: string } = {},
  ): void {
    const key = keyOf(typeUrl, resource.name);
    this.#written.set(ofClass(key, options.ofClass ?? ''), resource);
    this.#changed.add(key);
    this.setMember(typeUrl, resource.name, options.isMember ?? false);
  }

  remove(typeUrl: string, name: string): void {
    const key = keyOf(typeUrl, name);
    this.#written.set(key, undefined);
    this.#changed.add(key);
    this.setMember(typeUrl, name, false);
  }

  /** Whether a wildcard of the type covers this name. */
  setMember(typeUrl: string, name: string, isMember: boolean): void {
    const key = wildcardKeyOf(typeUrl);
    const names = this.#wildcards.get(key) ?? new Set();
    this.#wildcards.set(key, names);
    if (names.has(name) === isMember) return;
    if (isMember) names.add(name);
    else names.delete(name);
    this.#changed.add(key);
  }

  /** Every proxy is of this class from the next `settle()` on. */
  reclassify(name: string): void {
    this.#classes = [name, ...this.#classes.filter((other) => other !== name)];
    this.#changed.add(CLASS_KEY);
  }

  /** Keys that somebody holds, wildcards included. */
  get heldCount(): number {
    return this.#held.size - Number(this.isClassHeld);
  }

  /** Does anybody want to be told of another class? */
  get isClassHeld(): boolean {
    return this.#held.has(CLASS_KEY);
  }

  get(typeUrl: string, name: string): EncodedResource | undefined {
    const key = keyOf(typeUrl, name);
    return this.#written.has(key) ? this.#written.get(key) : this.#resources.get(key);
  }

  /** What a wildcard of this type stands for. */
  members(typeUrl: string): readonly string[] {
    return [...(this.#wildcards.get(wildcardKeyOf(typeUrl)) ?? [])];
  }

  acquireClass(): ResourceKey {
    return this.#hold(CLASS_KEY);
  }

  keyOf(_proxy: Proxy, typeUrl: string, name: string): ResourceKey {
    return ofClass(keyOf(typeUrl, name), this.#classes[0] ?? '');
  }

  acquire(proxy: Proxy, typeUrl: string, name: string): ResourceKey {
    const key = this.keyOf(proxy, typeUrl, name);
    if (!this.#tombstones.has(key)) this.#tombstones.set(key, this.#tombstone(typeUrl, name));
    return this.#hold(key);
  }

  acquireWildcard(_proxy: Proxy, typeUrl: string): ResourceKey {
    return this.#hold(wildcardKeyOf(typeUrl));
  }

  release(key: ResourceKey): void {
    const held = this.#held.get(key);
    assert(held, `released more often than acquired: ${key}`);
    held.count -= 1;
    if (held.count > 0) return;
    this.#held.delete(key);
    this.#tombstones.delete(key);
  }

  settle(): void {
    for (const [key, resource] of this.#written) {
      if (resource) this.#resources.set(key, resource);
      else this.#resources.delete(key);
    }
    this.#written.clear();
    for (const held of this.#unsettled) held.isSettled = true;
    this.#unsettled.clear();
    if (this.#changed.size === 0) return;
    const changed = new Set(
      this.#changed
        .values()
        .flatMap((key) => this.#classes.map((name) => ofClass(key, name)))
        .filter((key) => this.#held.has(key)),
    );
    this.#changed = new Set();
    for (const listener of this.#listeners) listener(changed);
  }

  lookup(key: ResourceKey): EncodedResource | undefined {
    this.#assertSettled(key);
    return this.#resourceAt(key) ?? this.#tombstones.get(key);
  }

  wildcardNames(key: ResourceKey): readonly string[] {
    this.#assertSettled(key);
    return [...(this.#wildcards.get(key) ?? [])];
  }

  onChange(listener: (changed: ReadonlySet<ResourceKey>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  isKnown(key: ResourceKey): boolean {
    this.#assertSettled(key);
    return this.#resourceAt(key) !== undefined;
  }

  #resourceAt(key: ResourceKey): EncodedResource | undefined {
    return this.#resources.get(key) ?? this.#resources.get(key.replace(/ @.*$/, ''));
  }

  #hold(key: ResourceKey): ResourceKey {
    const held = this.#held.get(key);
    if (held) {
      held.count += 1;
    } else {
      const first = { count: 1, isSettled: false };
      this.#held.set(key, first);
      this.#unsettled.add(first);
    }
    return key;
  }

  #assertSettled(key: ResourceKey): void {
    assert(this.#held.get(key)?.isSettled, `read before it was acquired and settled: ${key}`);
  }
}
