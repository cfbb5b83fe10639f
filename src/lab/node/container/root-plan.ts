// What a container sees as `/`, as data: folders of its own, the host's programs read-only, what
// its image shows of the host, and its volumes. Pure: the host's folders come in through a view.
//
// Programs come from the lab's host, so an image needs no files; but a volume may be mounted at any
// path, also below a folder of the host's where nothing may be made. Such a folder is "split": made
// anew, with each of its entries bound by itself, along the way to the mount point.
import { COPIED_FROM_ETC } from '../../machine-files.ts';

export type HostEntry =
  | { readonly name: string; readonly kind: 'folder' | 'file' }
  | { readonly name: string; readonly kind: 'link'; readonly target: string };

/** The lab's host, as far as a plan must know it. */
export type HostView = {
  /** What is at a path, links followed. */
  kindOf(path: string): 'folder' | 'file' | undefined;
  entriesOf(folder: string): readonly HostEntry[];
  /** The text of the link at a path; undefined when it is none. */
  linkAt(path: string): string | undefined;
};

export type RootMount = {
  /** In the container. */
  readonly path: string;
  /** File or folder on the host. */
  readonly source: string;
  readonly isFolder: boolean;
  readonly isReadOnly: boolean;
  /** The source is the node's own: mount points may be made in it. */
  readonly isOwn: boolean;
};

export type RootPlan = {
  /** All paths here are the host's. Made in this order, parents too, where they are missing. */
  readonly folders: readonly string[];
  /** Empty files to mount on. */
  readonly files: readonly string[];
  readonly links: readonly { readonly path: string; readonly target: string }[];
  /** For `mount --all --fstab`, in this order. */
  readonly fstab: string;
};

/** Where programs and libraries are; what of it is a link stays one. */
const SYSTEM_FOLDERS = [
  'bin',
  'lib',
  'lib32',
  'lib64',
  'libx32',
  'nix',
  'opt',
  'sbin',
  'usr',
] as const;

const OWN_FOLDERS = [
  'dev/pts',
  'dev/shm',
  'etc/ssl/certs',
  'home',
  'proc',
  'root',
  'run/lock',
  'tmp',
  'var/cache',
  'var/lib',
  'var/log',
  'var/spool',
  'var/tmp',
] as const;

const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'] as const;

/** Relative ones lead to the same place from inside and from outside. */
const LINKS: Readonly<Record<string, string>> = {
  '/var/run': '../run',
  '/var/lock': '../run/lock',
  '/dev/fd': '/proc/self/fd',
  '/dev/stdin': '/proc/self/fd/0',
  '/dev/stdout': '/proc/self/fd/1',
  '/dev/stderr': '/proc/self/fd/2',
  '/dev/ptmx': 'pts/ptmx',
  '/etc/mtab': '/proc/self/mounts',
};

const SHM_SIZE = '64m';

/** @param root folder on the host that becomes the container's `/` */
export function planRoot(root: string, mounts: readonly RootMount[], host: HostView): RootPlan {
  const draft = new RootDraft(root, host);
  for (const name of SYSTEM_FOLDERS) draft.addSystemFolder(`/${name}`);
  for (const name of COPIED_FROM_ETC) draft.addIfThere(`/etc/${name}`);
  draft.addIfThere('/sys');
  for (const name of DEVICES) draft.addDevice(`/dev/${name}`);
  const byDepth = mounts.toSorted((a, b) => depthOf(a.path) - depthOf(b.path));
  for (const mount of byDepth) draft.add(mount);
  return draft.finish();
}

const depthOf = (path: string): number => path.split('/').filter(Boolean).length;

class RootDraft {
  readonly #root: string;
  readonly #host: HostView;
  readonly #folders = new Set<string>();
  readonly #files = new Set<string>();
  readonly #links = new Map<string, string>(Object.entries(LINKS));
  readonly #mounts = new Map<string, RootMount>();

  constructor(root: string, host: HostView) {
    this.#root = root;
    this.#host = host;
    for (const folder of OWN_FOLDERS) this.#folders.add(`${root}/${folder}`);
  }

  addSystemFolder(path: string): void {
    const target = this.#host.linkAt(path);
    if (target !== undefined) this.#links.set(path, target);
    else this.addIfThere(path);
  }

  addIfThere(path: string): void {
    const kind = this.#host.kindOf(path);
    if (!kind) return;
    const isFolder = kind === 'folder';
    this.add({ path, source: path, isFolder, isReadOnly: true, isOwn: false });
  }

  addDevice(path: string): void {
    this.add({ path, source: path, isFolder: false, isReadOnly: false, isOwn: false });
  }

  add(mount: RootMount): void {
    const path = this.#canonical(mount.path);
    this.#makePoint(path, mount.isFolder);
    this.#mounts.set(path, { ...mount, path });
  }

  finish(): RootPlan {
    const mounts = [...this.#mounts.values()].toSorted((a, b) => depthOf(a.path) - depthOf(b.path));
    const lines = [
      [this.#root, this.#root, 'none', 'rbind'],
      ['devpts', `${this.#root}/dev/pts`, 'devpts', 'newinstance,ptmxmode=0666,mode=620'],
      ['tmpfs', `${this.#root}/dev/shm`, 'tmpfs', `mode=1777,size=${SHM_SIZE}`],
      ['proc', `${this.#root}/proc`, 'proc', 'nosuid,nodev,noexec'],
      ...mounts.map(({ source, path, isReadOnly }) => [
        source,
        `${this.#root}${path}`,
        'none',
        isReadOnly ? 'rbind,ro' : 'rbind',
      ]),
    ];
    return {
      folders: [...this.#folders],
      files: [...this.#files],
      links: [...this.#links].map(([path, target]) => ({ path: `${this.#root}${path}`, target })),
      fstab: lines.map((fields) => `${fields.map(escapeField).join(' ')} 0 0\n`).join(''),
    };
  }

  /** Makes sure that there is something of the right kind to mount on. */
  #makePoint(path: string, isFolder: boolean): void {
    const cover = this.#coverOf(path);
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (!cover) {
      this.#folders.add(`${this.#root}${isFolder ? path : parent}`);
      if (!isFolder) this.#files.add(`${this.#root}${path}`);
      return;
    }
    const inside = `${cover.source}${path.slice(cover.path.length)}`;
    if (cover.isOwn) {
      this.#folders.add(isFolder ? inside : inside.slice(0, inside.lastIndexOf('/')));
      if (!isFolder) this.#files.add(inside);
      return;
    }
    if (this.#host.kindOf(inside) === (isFolder ? 'folder' : 'file')) return;
    this.#split(cover);
    this.#makePoint(path, isFolder);
  }

  /** The deepest mount above a path. */
  #coverOf(path: string): RootMount | undefined {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const mount = this.#mounts.get(path.slice(0, end));
      if (mount) return mount;
    }
    return undefined;
  }

  #split(mount: RootMount): void {
    this.#mounts.delete(mount.path);
    this.#folders.add(`${this.#root}${mount.path}`);
    for (const entry of this.#host.entriesOf(mount.source)) {
      const path = `${mount.path}/${entry.name}`;
      if (entry.kind === 'link') {
        this.#links.set(path, entry.target);
        continue;
      }
      const isFolder = entry.kind === 'folder';
      (isFolder ? this.#folders : this.#files).add(`${this.#root}${path}`);
      this.#mounts.set(path, { ...mount, path, source: `${mount.source}/${entry.name}`, isFolder });
    }
  }

  /** With links on the way resolved (`/var/run` is `/run`), and without doubled slashes. */
  #canonical(path: string): string {
    let resolved = '';
    for (const part of path.split('/').filter((part) => part !== '' && part !== '.')) {
      const next = `${resolved}/${part}`;
      const target = this.#links.get(next);
      if (target === undefined) resolved = next;
      else resolved = new URL(target, `file://${next}`).pathname;
    }
    return resolved;
  }
}

/** fstab(5): white space and backslashes as octal. */
function escapeField(text: string): string {
  return text.replaceAll(
    /[\s\\]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}
