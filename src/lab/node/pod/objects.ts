// Secrets and ConfigMaps as a Pod uses them: bytes by key.
import type { KubeObject } from '#kube/objects.ts';
import { textMapOf } from '#kube/fields.ts';

export type ObjectKind = 'secret' | 'configmap';

/** An object's content; undefined where there is no such object. */
export type ObjectData = ReadonlyMap<string, Uint8Array>;

/** The objects that were looked up for a Pod. Asking for another one is a bug. */
export type ObjectLookup = (kind: ObjectKind, name: string) => ObjectData | undefined;

export function readObjectData(kind: ObjectKind, object: KubeObject): ObjectData {
  const plain = Object.entries(textMapOf(object['data']));
  if (kind === 'secret') {
    return new Map(plain.map(([key, base64]) => [key, Buffer.from(base64, 'base64')]));
  }
  const binary = Object.entries(textMapOf(object['binaryData']));
  return new Map([
    ...plain.map(([key, text]) => [key, Buffer.from(text)] as const),
    ...binary.map(([key, base64]) => [key, Buffer.from(base64, 'base64')] as const),
  ]);
}

/** As kubelet's messages call them. */
export const missingObject = (kind: ObjectKind, name: string): string =>
  `${kind} "${name}" not found`;

export function missingKey(
  kind: ObjectKind,
  of: { readonly namespace: string; readonly name: string; readonly key: string },
): string {
  const kindName = kind === 'secret' ? 'Secret' : 'ConfigMap';
  return `couldn't find key ${of.key} in ${kindName} ${of.namespace}/${of.name}`;
}
