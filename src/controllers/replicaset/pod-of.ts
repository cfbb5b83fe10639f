// A Pod made from a ReplicaSet's template.
import { fieldsOf, textMapOf } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { REPLICA_SET } from '#kube/resources.ts';
import { controllerReference } from '../owners.ts';

/** No vowels, and no digits that look like letters: no words come of it (apimachinery rand). */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;
/** A Pod's name is its host name, too: 63 characters at most (apiserver, storage/names). */
const BASE_LENGTH_MAX = 63 - SUFFIX_LENGTH;

/** @param random draws the name's end; a name that is taken is drawn anew with the next plan */
export function podOf(replicaSet: KubeObject, random: () => number): KubeObject {
  const template = fieldsOf(replicaSet.spec, 'template');
  const metadata = fieldsOf(template, 'metadata');
  const { name, namespace } = replicaSet.metadata;
  const generateName = `${name}-`;
  return {
    metadata: {
      name: generateName.slice(0, BASE_LENGTH_MAX) + randomSuffix(random),
      generateName,
      ...(namespace !== undefined && { namespace }),
      labels: textMapOf(metadata['labels']),
      annotations: textMapOf(metadata['annotations']),
      ownerReferences: [controllerReference(REPLICA_SET, replicaSet)],
    },
    spec: fieldsOf(template, 'spec'),
  };
}

function randomSuffix(random: () => number): string {
  const draw = (): string => ALPHABET[Math.floor(random() * ALPHABET.length)] ?? '';
  return Array.from({ length: SUFFIX_LENGTH }, draw).join('');
}
