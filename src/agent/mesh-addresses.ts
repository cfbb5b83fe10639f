// What the control plane says is inside the mesh: one resource of the agent's own stream. The last
// value is kept on disk, so that a machine that restarts while the control plane is away captures
// what it captured before.
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import { MeshAddressesSchema } from '#gen/isthmus/v1/agent_pb.js';
import { meshAddressesProblem, type MeshAddresses } from './capture/addresses.ts';
import { parseState, readFileIfPresent, writeFileAtomic } from './files.ts';
import type { OwnType, Update, Wanted } from './own-stream.ts';

const NAME = 'mesh';

export type VersionedMeshAddresses = MeshAddresses & { readonly version: string };

/** The value of an earlier run, or undefined. A file that makes no sense counts as none. */
export async function loadMeshAddresses(path: string): Promise<VersionedMeshAddresses | undefined> {
  const { version, ranges, addresses } = parseState(await readFileIfPresent(path));
  if (typeof version !== 'string' || !isTextList(ranges) || !isTextList(addresses))
    return undefined;
  const value = { version, ranges, addresses };
  return meshAddressesProblem(value) === undefined ? value : undefined;
}

const isTextList = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

export type MeshAddressesOptions = {
  readonly stateFile: string;
  readonly log: Logger;
};

export class MeshAddressesFollower implements OwnType {
  readonly typeUrl = `type.googleapis.com/${MeshAddressesSchema.typeName}`;
  readonly #options: MeshAddressesOptions;
  readonly #onChange: (value: VersionedMeshAddresses) => void;
  #value: VersionedMeshAddresses | undefined;
  #saved: VersionedMeshAddresses | undefined;
  /** One write after the other: they share a temporary file. */
  #saving: Promise<void> = Promise.resolve();

  constructor(
    options: MeshAddressesOptions,
    known: VersionedMeshAddresses | undefined,
    onChange: (value: VersionedMeshAddresses) => void,
  ) {
    this.#options = options;
    this.#value = known;
    this.#saved = known;
    this.#onChange = onChange;
  }

  begin(): Wanted {
    return { names: [NAME], versions: this.#value ? { [NAME]: this.#value.version } : {} };
  }

  receive(update: Update): string | undefined {
    const parsed = parseUpdate(update);
    if (typeof parsed === 'string') {
      this.#options.log.error('mesh addresses rejected, the former stay', { reason: parsed });
      return parsed;
    }
    if (parsed) this.#accept(parsed);
    return undefined;
  }

  /** What is captured stays captured, and is on disk before anything else goes on. */
  end(): Promise<void> {
    return this.#saving;
  }

  #accept(value: VersionedMeshAddresses): void {
    this.#value = value;
    const { version, ranges, addresses } = value;
    const fields = { version, ranges: ranges.length, addresses: addresses.length };
    this.#options.log.info('mesh addresses received', fields);
    this.#onChange(value);
    this.#saving = this.#saving.then(() => this.#save());
  }

  async #save(): Promise<void> {
    if (this.#saved === this.#value) return; // several values came while one was being written
    this.#saved = this.#value;
    try {
      await writeFileAtomic(this.#options.stateFile, JSON.stringify(this.#value));
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      this.#options.log.warn('mesh addresses not saved', { reason: error.message });
    }
  }
}

/**
 * @returns the new value; a text that says what is wrong with it; or undefined when the update
 *   brings none (a removal is not obeyed: a mesh without addresses would let everything bypass it)
 */
function parseUpdate({ resources }: Update): VersionedMeshAddresses | string | undefined {
  const resource = resources.find(({ name }) => name === NAME);
  if (!resource) return undefined;
  let message;
  try {
    message = resource.resource && anyUnpack(resource.resource, MeshAddressesSchema);
  } catch {
    message = undefined; // not the bytes of one
  }
  if (!message) return 'the resource is not an isthmus.v1.MeshAddresses';
  const { ranges, addresses } = message;
  return (
    meshAddressesProblem({ ranges, addresses }) ?? { version: resource.version, ranges, addresses }
  );
}
