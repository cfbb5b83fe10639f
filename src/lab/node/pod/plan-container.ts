// What to run for a container, or why not, in the words that kubelet uses for it. Pure.
import { type Catalogue, findImage, type Image } from '../image/catalogue.ts';
import { parseImageName } from '../image/name.ts';
import { resolveEnvironment } from './environment.ts';
import { hostnameOf } from './plan-pod.ts';
import { expand, type Variables } from './expand.ts';
import type { ObjectLookup } from './objects.ts';
import type { PodPlace } from './self.ts';
import type { ContainerSpec, PodView } from './spec.ts';

export type ContainerPlan = {
  readonly argv: readonly string[];
  readonly env: Variables;
  readonly workingDir: string;
  readonly user: ContainerSpec['user'];
  /** Path in the container → file or folder of the lab's host; read-only. */
  readonly files: Readonly<Record<string, string>>;
  readonly mounts: readonly MountPlan[];
  /** Keys of envFrom that cannot be variables. */
  readonly skippedKeys: readonly string[];
};

export type MountPlan = {
  readonly volume: string;
  readonly subPath: string;
  readonly path: string;
  readonly isReadOnly: boolean;
};

/** A waiting reason of kubelet's, as `kubectl get pods` shows it. */
export type Refusal = {
  readonly reason:
    | 'InvalidImageName'
    | 'ErrImagePull'
    | 'ErrImageNeverPull'
    | 'CreateContainerConfigError'
    | 'CreateContainerError';
  readonly message: string;
};

export type Planned<T> =
  | { readonly ok: true; readonly plan: T }
  | { readonly ok: false; readonly refusal: Refusal };

/** The image of a container: from the catalogue, where kubelet would pull it. */
export function planImage(
  container: Pick<ContainerSpec, 'image' | 'pullPolicy'>,
  catalogues: readonly Catalogue[],
): Planned<Image> {
  const { image, pullPolicy } = container;
  const found = findImage(image, catalogues);
  if (found) return { ok: true, plan: found };
  if (!parseImageName(image)) {
    const message = `Failed to apply default image tag "${image}": couldn't parse image name`;
    return refused('InvalidImageName', message);
  }
  const remedy = `add it with: isthmus lab image add ${image} -- COMMAND [ARGUMENT…]`;
  if (pullPolicy === 'Never') {
    const message = `Container image "${image}" is not present with pull policy of Never`;
    return refused('ErrImageNeverPull', `${message}; ${remedy}`);
  }
  return refused('ErrImagePull', `"${image}" is not in the lab's image catalogue; ${remedy}`);
}

export type ContainerInput = {
  readonly pod: PodView;
  readonly place: PodPlace;
  readonly container: ContainerSpec;
  readonly image: Image;
  readonly lookup: ObjectLookup;
  /** Variables that the node gives to every container; the image's go before them. */
  readonly nodeEnv: Variables;
};

export function planContainer(input: ContainerInput): Planned<ContainerPlan> {
  const { container, image } = input;
  const base = { HOSTNAME: hostnameOf(input.pod), ...input.nodeEnv, ...image.env };
  const environment = resolveEnvironment({ ...input, base });
  if (!environment.ok) return refused('CreateContainerConfigError', environment.problem);
  const { variables, skipped } = environment;
  const argv = argvOf(container, image).map((word) => expand(word, variables));
  if (argv.length === 0) {
    const message = `no command: neither the container nor the image "${container.image}" has one`;
    return refused('CreateContainerError', message);
  }
  const mounts = container.mounts.map((mount) => ({
    volume: mount.volume,
    subPath: mount.isSubPathExpanded ? expand(mount.subPath, variables) : mount.subPath,
    path: mount.path,
    isReadOnly: mount.isReadOnly,
  }));
  const wrong = mounts.find(({ path, subPath }) => !isMountable(path) || !isInside(subPath));
  if (wrong) {
    const { path, subPath } = wrong;
    const message = `cannot mount at "${path}"${subPath && ` from subPath "${subPath}"`}`;
    return refused('CreateContainerConfigError', message);
  }
  const workingDir = container.workingDir || image.workingDir || '/';
  const { user } = container;
  const { files } = image;
  const plan = { argv, env: variables, workingDir, user, files, mounts, skippedKeys: skipped };
  return { ok: true, plan };
}

const refused = (reason: Refusal['reason'], message: string) =>
  ({ ok: false, refusal: { reason, message } }) as const;

/** Docker's rule: a command of its own makes a container forget the image's arguments, too. */
function argvOf(container: ContainerSpec, image: Image): readonly string[] {
  const { command, args } = container;
  if (command.length > 0) return [...command, ...args];
  return [...image.command, ...(args.length > 0 ? args : image.args)];
}

/** The container's own root cannot be mounted over, nor what the kernel shows there. */
function isMountable(path: string): boolean {
  const parts = path.split('/').filter(Boolean);
  return (
    path.startsWith('/') &&
    parts.length > 0 &&
    !parts.includes('..') &&
    parts[0] !== 'proc' &&
    !/[\n\0]/.test(path)
  );
}

const isInside = (subPath: string): boolean =>
  !subPath.startsWith('/') && !subPath.split('/').includes('..');
