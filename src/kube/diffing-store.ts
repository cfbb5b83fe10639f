// Turns what a reflector hears, complete lists included, into single changes: for readers that
// keep objects by key and must be told of each that is gone.
import { objectKey, type KubeObject, type ObjectRef } from './objects.ts';
import type { ReflectorStore } from './reflector.ts';

export type Change =
  | { readonly kind: 'applied'; readonly object: KubeObject }
  | { readonly kind: 'deleted'; readonly ref: ObjectRef };

/**
 * A store that reports each object that is new or different, and each that is gone, once. A list
 * that shows nothing new reports nothing. Of every object only its version and name are kept.
 *
 * Within one list deletions come first, then the objects in the list's order. An object deleted
 * and made anew while nobody watched (another uid) is reported as deleted, then as applied.
 *
 * @param onChanges called once for each list or event, with one change or more
 */
export function createDiffingStore(
  onChanges: (changes: readonly Change[]) => void,
): ReflectorStore {
  let known = new Map<string, Known>();
  const report = (changes: readonly Change[]): void => {
    if (changes.length > 0) onChanges(changes);
  };
  return {
    replace(items) {
      const present = new Map(items.map((item) => [objectKey(item.metadata), knownOf(item)]));
      const gone = [...known].flatMap(([key, before]) => {
        const now = present.get(key);
        return now && now.uid === before.uid ? [] : [deleted(before)];
      });
      const applied = items.flatMap((object): Change[] => {
        const before = known.get(objectKey(object.metadata));
        return isSame(before, knownOf(object)) ? [] : [{ kind: 'applied', object }];
      });
      known = present;
      report([...gone, ...applied]);
    },
    apply(type, object) {
      const key = objectKey(object.metadata);
      const before = known.get(key);
      if (type === 'DELETED') {
        known.delete(key);
        if (before) report([deleted(before)]);
        return;
      }
      const after = knownOf(object);
      known.set(key, after);
      if (isSame(before, after)) return;
      const wasReplaced = before !== undefined && before.uid !== after.uid;
      report([...(wasReplaced ? [deleted(before)] : []), { kind: 'applied', object }]);
    },
  };
}

type Known = {
  readonly ref: ObjectRef;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
};

function knownOf({ metadata }: KubeObject): Known {
  const { name, namespace, uid, resourceVersion } = metadata;
  return { ref: { name, namespace }, uid, resourceVersion };
}

const deleted = ({ ref }: Known): Change => ({ kind: 'deleted', ref });

function isSame(before: Known | undefined, after: Known): boolean {
  return (
    before !== undefined &&
    before.uid === after.uid &&
    after.resourceVersion !== undefined &&
    before.resourceVersion === after.resourceVersion
  );
}
