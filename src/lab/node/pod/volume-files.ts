// What a volume of files holds: paths and bytes from Secrets, ConfigMaps, the downward API and
// tokens. Pure; tokens have been asked for before.
import { assertNever } from '#base/assert-never.ts';
import { missingKey, missingObject, type ObjectLookup } from './objects.ts';
import { type PodPlace, selfValue } from './self.ts';
import type { PodView, VolumePart } from './spec.ts';

export type VolumeFile = { readonly bytes: Uint8Array; readonly mode: number };

/** By path relative to the volume. */
export type VolumeFiles = ReadonlyMap<string, VolumeFile>;

export type VolumeContent =
  | { readonly ok: true; readonly files: VolumeFiles }
  /** In kubelet's words; the Pod waits in ContainerCreating as long as this holds. */
  | { readonly ok: false; readonly problem: string };

export type VolumeInput = {
  readonly pod: PodView;
  readonly place: PodPlace;
  readonly lookup: ObjectLookup;
  readonly token: (part: Extract<VolumePart, { kind: 'token' }>) => string;
};

/** Tokens are the owner's alone, whatever the volume's mode. */
const TOKEN_MODE = 0o600;

/** Later parts win over earlier ones where they name the same path. */
export function planVolumeFiles(
  volume: { readonly mode: number; readonly parts: readonly VolumePart[] },
  input: VolumeInput,
): VolumeContent {
  const files = new Map<string, VolumeFile>();
  for (const part of volume.parts) {
    const content = planPart(part, volume.mode, input);
    if (!content.ok) return content;
    for (const [path, file] of content.files) {
      if (!isBelow(path)) return { ok: false, problem: `path "${path}" leads out of the volume` };
      files.set(path, file);
    }
  }
  return { ok: true, files };
}

function planPart(part: VolumePart, mode: number, input: VolumeInput): VolumeContent {
  switch (part.kind) {
    case 'secret':
    case 'configmap':
      return planObject(part, mode, input);
    case 'downward':
      return planDownward(part, mode, input);
    case 'token': {
      const file = { bytes: Buffer.from(input.token(part)), mode: TOKEN_MODE };
      return { ok: true, files: new Map([[part.path, file]]) };
    }
    default:
      return assertNever(part);
  }
}

function planObject(
  part: Extract<VolumePart, { kind: 'secret' | 'configmap' }>,
  mode: number,
  { pod, lookup }: VolumeInput,
): VolumeContent {
  const { kind, object, items, isOptional } = part;
  const data = lookup(kind, object);
  if (!data && !isOptional) return { ok: false, problem: missingObject(kind, object) };
  const wanted = items ?? [...(data ?? new Map<string, Uint8Array>()).keys()].map(itself);
  const files = new Map<string, VolumeFile>();
  for (const { key, path, mode: own } of wanted) {
    const bytes = data?.get(key);
    if (bytes) files.set(path, { bytes, mode: own ?? mode });
    else if (!isOptional) {
      const { namespace } = pod;
      return { ok: false, problem: missingKey(kind, { namespace, name: object, key }) };
    }
  }
  return { ok: true, files };
}

const itself = (key: string) => ({ key, path: key, mode: undefined });

function planDownward(
  part: Extract<VolumePart, { kind: 'downward' }>,
  mode: number,
  { pod, place }: VolumeInput,
): VolumeContent {
  const files = new Map<string, VolumeFile>();
  for (const { path, mode: own, source } of part.items) {
    const value = selfValue(source, { pod, place, own: undefined });
    if (!value.ok) return value;
    files.set(path, { bytes: Buffer.from(value.text), mode: own ?? mode });
  }
  return { ok: true, files };
}

/** The API server refuses such paths; this is the last line before a file is written. */
function isBelow(path: string): boolean {
  return path !== '' && !path.startsWith('/') && !path.split('/').includes('..');
}
