// How an index settles: each changed member is taken out of the groups it left and put into those
// it joined, in place, so that a change costs the same whatever the size of the group.
import type { Collection, CommitState, DerivationFailure, Step } from './collection.ts';
import type { Recorder, Table } from './table.ts';

export type IndexRule = {
  readonly parent: Collection<unknown>;
  /** What tells the groups of a member; undefined when the parent has no such key (any more). */
  readonly prepare: (member: string) => (() => Iterable<string>) | undefined;
  readonly recorder: Recorder;
};

const NO_GROUPS: readonly string[] = [];

export class IndexStep implements Step {
  readonly #table: Table<Set<string>>;
  readonly #rule: IndexRule;
  readonly #commit: CommitState;
  /** Members whose values changed in this commit. */
  readonly #moved = new Set<string>();
  /** Groups whose membership changes in this commit, with their sets. */
  readonly #touched = new Map<string, Set<string>>();
  /** Lists, because most members are in one group or two, and a set of these is large. */
  readonly #groupsOf = new Map<string, readonly string[]>();
  /** Why a member is still in the groups that it was in before: what `prepare` threw. */
  readonly #errors = new Map<string, unknown>();

  constructor(table: Table<Set<string>>, rule: IndexRule, commit: CommitState) {
    this.#table = table;
    this.#rule = rule;
    this.#commit = commit;
    rule.parent.follow((member) => this.#moved.add(member));
  }

  settle(): void {
    for (const member of this.#moved) this.#file(member);
    this.#moved.clear();
    for (const [group, members] of this.#touched) {
      const cell = this.#table.cellOf(group);
      this.#table.publish(cell, members.size === 0 ? undefined : members);
      cell.forgetIfIdle();
    }
    this.#touched.clear();
  }

  clearChanged(): void {
    this.#table.clearChanged();
  }

  *failures(): Iterable<DerivationFailure> {
    for (const [key, error] of this.#errors) yield { collection: this.#table.name, key, error };
  }

  #file(member: string): void {
    const groups = this.#groupsAfter(member);
    if (groups === undefined) return;
    const before = new Set(this.#groupsOf.get(member) ?? NO_GROUPS);
    for (const group of before) if (!groups.has(group)) this.#touch(group).delete(member);
    for (const group of groups) if (!before.has(group)) this.#touch(group).add(member);
    if (groups.size > 0) this.#groupsOf.set(member, [...groups]);
    else this.#groupsOf.delete(member);
  }

  /** Undefined when they cannot be told. */
  #groupsAfter(member: string): ReadonlySet<string> | undefined {
    const computation = this.#rule.prepare(member);
    try {
      const groups = computation && this.#rule.recorder.refuseReads(() => new Set(computation()));
      this.#errors.delete(member);
      return groups ?? new Set();
    } catch (error) {
      this.#errors.set(member, error);
      this.#commit.failed.push({ collection: this.#table.name, key: member, error });
      return undefined;
    }
  }

  #touch(group: string): Set<string> {
    const touched = this.#touched.get(group);
    if (touched !== undefined) return touched;
    const members = this.#table.get(group) ?? new Set<string>();
    this.#touched.set(group, members);
    return members;
  }
}
