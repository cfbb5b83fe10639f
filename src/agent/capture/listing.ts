// Reading back what the kernel holds, to see whether somebody else has changed it. Pure.
import { createHash } from 'node:crypto';
import { isLapsingSet } from './plan.ts';

/**
 * A fingerprint of `nft -j list table`: two listings have the same one if the table has the same
 * sets with the same elements, the same chains on the same hooks, and the same rules in the same
 * order. Handles, which differ each time, do not count; neither does nft's own version, nor the
 * elements of sets that lapse.
 *
 * @returns undefined when the text is not such a listing
 */
export function listingFingerprint(json: string): string | undefined {
  const objects = objectsOf(json);
  if (!objects) return undefined;
  const canonical = objects
    .filter((object) => !Object.hasOwn(object, 'metainfo'))
    .map((object) => JSON.stringify(object, normalize));
  return createHash('sha256').update(canonical.join('\n')).digest('hex');
}

function objectsOf(json: string): readonly object[] | undefined {
  try {
    const listing: unknown = JSON.parse(json);
    if (typeof listing !== 'object' || listing === null || !('nftables' in listing))
      return undefined;
    const { nftables } = listing;
    if (!Array.isArray(nftables)) return undefined;
    return nftables.filter((entry): entry is object => typeof entry === 'object' && entry !== null);
  } catch {
    return undefined;
  }
}

/** A set has no order: its elements are listed as the kernel's hash table happens to hold them. */
function normalize(key: string, value: unknown): unknown {
  if (key === 'handle') return undefined;
  if (key === 'set' && isRecord(value) && isLapsingSet(String(value['name']))) {
    return { ...value, elem: [] };
  }
  if (key === 'elem' && Array.isArray(value))
    return value.map((item) => JSON.stringify(item)).sort();
  return value;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
