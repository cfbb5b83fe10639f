// A Pod's volumes as folders on the lab's host, bound into its containers: made before the first
// one starts, kept up to date while the Pod lives.
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { IssuedToken } from '#kube/client.ts';
import { lookUpObjects } from './object-source.ts';
import type { NodeParts } from './parts.ts';
import type { MountPlan } from './pod/plan-container.ts';
import { volumeReferences } from './pod/references.ts';
import type { PodPlace } from './pod/self.ts';
import type { PodView, VolumePart, VolumeSpec } from './pod/spec.ts';
import { planVolumeFiles, type VolumeFiles } from './pod/volume-files.ts';
import type { RootMount } from './container/root-plan.ts';

type TokenPart = Extract<VolumePart, { kind: 'token' }>;
type FilesVolume = Extract<VolumeSpec['source'], { kind: 'files' }>;

/** kubelet renews a token at 80 % of its life. */
const RENEW_AT = 0.8;
/** The API server issues none for less. */
const TOKEN_SECONDS_MIN = 600;

type HeldToken = { readonly token: string; readonly renewAtMs: number };

export class PodVolumes {
  readonly #node: Pick<NodeParts, 'client' | 'clock' | 'runDir'>;
  readonly #pod: PodView;
  readonly #place: PodPlace;
  readonly #tokens = new Map<string, HeldToken>();
  /** By volume, what has been written and is to go when it is no longer wanted. */
  readonly #written = new Map<string, VolumeFiles>();

  constructor(pod: PodView, place: PodPlace, node: Pick<NodeParts, 'client' | 'clock' | 'runDir'>) {
    this.#pod = pod;
    this.#place = place;
    this.#node = node;
  }

  /**
   * Makes all volumes, or brings them up to date.
   *
   * @param pod whose labels and annotations the downward API shows
   * @returns what cannot be made, as kubelet says it in an Event; undefined when all is well
   */
  async sync(pod: PodView, signal: AbortSignal): Promise<string | undefined> {
    for (const { name, source } of this.#pod.spec.volumes) {
      mkdirSync(this.#folder(name), { recursive: true });
      if (source.kind !== 'files') continue;
      const problem = await this.#syncFiles(name, source, pod, signal);
      if (problem !== undefined)
        return `MountVolume.SetUp failed for volume "${name}" : ${problem}`;
    }
    return undefined;
  }

  /** A mount of one of the volumes; a text says what is wrong with its subPath. */
  mount({ volume, subPath, path, isReadOnly }: MountPlan): RootMount | string {
    const source = this.#pod.spec.volumes.find(({ name }) => name === volume)?.source;
    if (!source) return `no volume is called "${volume}"`;
    const whole = this.#folder(volume);
    const part = subPath === '' ? whole : `${whole}/${subPath}`;
    if (!existsSync(part)) {
      if (source.kind !== 'empty') return `subPath "${subPath}" is not in volume "${volume}"`;
      mkdirSync(part, { recursive: true });
    }
    return {
      path,
      source: part,
      isFolder: statSync(part).isDirectory(),
      isReadOnly: isReadOnly || source.kind === 'files',
      isOwn: true,
    };
  }

  #folder(volume: string): string {
    return `${this.#node.runDir}/pods/${this.#pod.uid}/volumes/${volume}`;
  }

  async #syncFiles(
    name: string,
    volume: FilesVolume,
    pod: PodView,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { client } = this.#node;
    const { namespace } = this.#pod;
    const tokens = new Map<TokenPart, string>();
    let lookup: Awaited<ReturnType<typeof lookUpObjects>>;
    try {
      lookup = await lookUpObjects(client, namespace, volumeReferences(volume.parts), signal);
      for (const part of volume.parts) {
        if (part.kind === 'token') tokens.set(part, await this.#token(name, part, signal));
      }
    } catch (error) {
      signal.throwIfAborted();
      return error instanceof Error ? error.message : String(error);
    }
    const token = (part: TokenPart): string => tokens.get(part) ?? '';
    const content = planVolumeFiles(volume, { pod, place: this.#place, lookup, token });
    if (!content.ok) return content.problem;
    this.#write(name, content.files);
    return undefined;
  }

  async #token(volume: string, part: TokenPart, signal: AbortSignal): Promise<string> {
    const { client, clock } = this.#node;
    const key = `${volume}/${part.path}`;
    const held = this.#tokens.get(key);
    const nowMs = clock.nowMs();
    if (held && nowMs < held.renewAtMs) return held.token;
    const { namespace, name, uid, spec } = this.#pod;
    const issued: IssuedToken = await client.createToken(
      { namespace, name: spec.serviceAccount },
      {
        audiences: part.audience === '' ? [] : [part.audience],
        expirationSeconds: Math.max(TOKEN_SECONDS_MIN, part.expirationSeconds),
        boundPod: { name, uid },
        signal,
      },
    );
    const renewAtMs = nowMs + (issued.expiresAtMs - nowMs) * RENEW_AT;
    this.#tokens.set(key, { token: issued.token, renewAtMs });
    return issued.token;
  }

  /** Each file is replaced as a whole: a reader sees the old content or the new. */
  #write(volume: string, files: VolumeFiles): void {
    const folder = this.#folder(volume);
    const before = this.#written.get(volume) ?? new Map();
    for (const [path, file] of files) {
      const known = before.get(path);
      if (known && Buffer.compare(known.bytes, file.bytes) === 0) continue;
      const target = `${folder}/${path}`;
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(`${target}.new`, file.bytes, { mode: file.mode });
      renameSync(`${target}.new`, target);
    }
    for (const path of before.keys()) {
      if (!files.has(path)) rmSync(`${folder}/${path}`, { force: true });
    }
    this.#written.set(volume, files);
  }
}
