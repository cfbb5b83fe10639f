// Tries an edit in a mesh of its own: the same objects, compiled by the same code, that no proxy is
// ever given.
import type { KubeObject } from '#kube/objects.ts';
import type { Fork } from '#model/fork.ts';
import type { Mesh } from '#model/mesh.ts';
import { MeshCatalog } from '#resolve/catalog.ts';
import { createHostLookup } from '#resolve/host-lookup.ts';
import { compared, judgeCalls } from './impact.ts';
import type { Impact, SeenCall, Trial } from './impact.ts';
import { ledAnewBy } from './led-anew.ts';
import { policyType } from './policy-types.ts';

/** One object as it is and as it would be; undefined: there is none. */
export type Edit = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
};

export class Rehearsal {
  readonly #fork: Fork<Mesh>;
  readonly #trial: Trial;

  constructor(mesh: Mesh) {
    this.#fork = mesh.fork();
    const own = this.#fork.mesh;
    const catalog = new MeshCatalog(own);
    this.#trial = { mesh: own, catalog, serviceOf: createHostLookup(own) };
  }

  /** One at a time, to its end or its `return()`: each begins with the mesh as it is. */
  *impactOf(
    edits: readonly Edit[],
    calls: readonly SeenCall[],
  ): Generator<void, Impact | undefined, void> {
    yield* this.#fork.catchUp();
    const texts = new Map<string, string>();
    for (const edit of edits) this.#write(edit, edit.before);
    this.#trial.mesh.commit();
    const isLedAnew = ledAnewBy(this.#trial.mesh, edits);
    const before = yield* judgeCalls(this.#trial, calls, { texts, isLedAnew });
    for (const edit of edits) this.#write(edit, edit.after);
    this.#trial.mesh.commit();
    const after = yield* judgeCalls(this.#trial, calls, { before, texts, isLedAnew });
    return compared(calls, before, after);
  }

  #write({ kind, namespace, name }: Edit, object: KubeObject | undefined): void {
    const type = policyType(kind);
    if (type === undefined) return;
    const metadata = { ...object?.metadata, ...(type.namespaced && { namespace }), name };
    const change = object ? 'applied' : 'deleted';
    this.#trial.mesh.ingest(type, { ...object, metadata }, change);
  }
}
