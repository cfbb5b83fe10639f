// Looks up the Secrets and ConfigMaps that a Pod names, at the moment they are needed.
import type { KubeClient } from '#kube/client.ts';
import { CONFIG_MAP, SECRET } from '#kube/resources.ts';
import { isNotFound } from '#kube/status.ts';
import { type ObjectData, type ObjectLookup, readObjectData } from './pod/objects.ts';
import { type Reference, referenceKey } from './pod/references.ts';

/**
 * @throws KubeStatusError or OperatorError when the API server does not say whether there is such
 *   an object
 */
export async function lookUpObjects(
  client: Pick<KubeClient, 'get'>,
  namespace: string,
  references: readonly Reference[],
  signal: AbortSignal,
): Promise<ObjectLookup> {
  const found = await Promise.all(
    references.map(async (reference): Promise<[string, ObjectData | undefined]> => {
      const { kind, name } = reference;
      const type = kind === 'secret' ? SECRET : CONFIG_MAP;
      try {
        const object = await client.get(type, { namespace, name }, { signal });
        return [referenceKey(reference), readObjectData(kind, object)];
      } catch (error) {
        if (isNotFound(error)) return [referenceKey(reference), undefined];
        throw error;
      }
    }),
  );
  const objects = new Map(found);
  return (kind, name) => objects.get(referenceKey({ kind, name }));
}
