// One volume of a Pod, as the API has it. A secret, a config map and the downward API are each a
// projected volume of one part.
import { type Fields, numberAt, objectsAt, textAt } from '#kube/fields.ts';
import { optionalFieldsAt } from './fields.ts';
import { readFieldSource } from './read-container.ts';
import type { KeyToPath, VolumePart, VolumeSpec } from './spec.ts';

const MODE_DEFAULT = 0o644;
const TOKEN_SECONDS_DEFAULT = 3600;

export function readVolume(volume: Fields): VolumeSpec {
  const name = textAt(volume, 'name');
  if (optionalFieldsAt(volume, 'emptyDir')) return { name, source: { kind: 'empty' } };
  const projected = optionalFieldsAt(volume, 'projected');
  if (projected) {
    const parts = objectsAt(projected, 'sources').flatMap(readProjection);
    return { name, source: { kind: 'files', mode: modeOf(projected), parts } };
  }
  for (const [field, nameField] of [
    ['secret', 'secretName'],
    ['configMap', 'name'],
    ['downwardAPI', ''],
  ] as const) {
    const own = optionalFieldsAt(volume, field);
    if (!own) continue;
    const parts = readProjection({ [field]: { ...own, name: textAt(own, nameField) } });
    return { name, source: { kind: 'files', mode: modeOf(own), parts } };
  }
  const what = Object.keys(volume).find((field) => field !== 'name');
  // A volume of no kind at all is an emptyDir.
  return { name, source: what ? { kind: 'unsupported', what } : { kind: 'empty' } };
}

const modeOf = (of: Fields): number => numberAt(of, 'defaultMode') ?? MODE_DEFAULT;

function readProjection(source: Fields): VolumePart[] {
  const parts: VolumePart[] = [];
  for (const [kind, field] of [
    ['secret', 'secret'],
    ['configmap', 'configMap'],
  ] as const) {
    const own = optionalFieldsAt(source, field);
    if (!own) continue;
    const isOptional = own['optional'] === true;
    parts.push({ kind, object: textAt(own, 'name'), items: readItems(own), isOptional });
  }
  const downward = optionalFieldsAt(source, 'downwardAPI');
  if (downward) parts.push({ kind: 'downward', items: readDownward(downward) });
  const token = optionalFieldsAt(source, 'serviceAccountToken');
  if (token) {
    parts.push({
      kind: 'token',
      path: textAt(token, 'path'),
      audience: textAt(token, 'audience'),
      expirationSeconds: numberAt(token, 'expirationSeconds') ?? TOKEN_SECONDS_DEFAULT,
    });
  }
  return parts;
}

function readItems(of: Fields): readonly KeyToPath[] | undefined {
  const items = objectsAt(of, 'items');
  if (items.length === 0) return undefined;
  return items.map((item) => ({
    key: textAt(item, 'key'),
    path: textAt(item, 'path'),
    mode: numberAt(item, 'mode'),
  }));
}

function readDownward(of: Fields): Extract<VolumePart, { kind: 'downward' }>['items'] {
  return objectsAt(of, 'items').flatMap((item) => {
    const source = readFieldSource(item);
    return source ? [{ path: textAt(item, 'path'), mode: numberAt(item, 'mode'), source }] : [];
  });
}
