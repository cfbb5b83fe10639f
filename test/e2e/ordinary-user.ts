// Running Isthmus as somebody who is not root: whoever runs the tests, or `nobody` where that is
// root.
import { chownSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '#base/command.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
/** What a run needs of the checkout, where `nobody` cannot read it. */
const NEEDED = ['bin', 'deploy', 'library', 'node_modules', 'package.json', 'src', '.isthmus'];
const NOBODY = 65_534;
const IDENTITY = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] as const;
const PROBE = ['unshare', '-Urnm', 'ip', 'link', 'set', 'lo', 'up'] as const;

export type OrdinaryUser = {
  /** The command line that runs `isthmus` as that user. */
  readonly isthmus: (...args: readonly string[]) => readonly [program: string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
  /** Does the kernel give it network namespaces, in which it may do as it likes? */
  readonly hasNamespaces: () => Promise<boolean>;
};

/** @param folder becomes the user's, as its home and for its temporary files */
export async function becomeOrdinaryUser(folder: string): Promise<OrdinaryUser> {
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, HOME: folder, TMPDIR: folder };
  if (process.getuid?.() !== 0) {
    const launcher = join(REPOSITORY, 'bin/isthmus.js');
    const hasNamespaces = (): Promise<boolean> => succeeds(PROBE);
    return { env, hasNamespaces, isthmus: (...args) => [process.execPath, launcher, ...args] };
  }
  chownSync(folder, NOBODY, NOBODY);
  const checkout = (await isUsable(REPOSITORY)) ? REPOSITORY : copyOf(join(folder, 'checkout'));
  const node = join(checkout, 'node_modules/.bin/node');
  const launcher = join(checkout, 'bin/isthmus.js');
  const [program, ...identity] = IDENTITY;
  return {
    env,
    hasNamespaces: () => succeeds([...IDENTITY, ...PROBE]),
    isthmus: (...args) => [program, ...identity, node, launcher, ...args],
  };
}

async function succeeds([program = '', ...args]: readonly string[]): Promise<boolean> {
  return (await runCommand(program, args)).status === 0;
}

async function isUsable(checkout: string): Promise<boolean> {
  const node = join(checkout, 'node_modules/.bin/node');
  // Envoy may be a link to elsewhere
  const reached = ['bin/isthmus.js', '.isthmus/bin/envoy'].map((name) => join(checkout, name));
  const script = 'process.argv.slice(1).forEach((path) => fs.accessSync(path))';
  return await succeeds([...IDENTITY, node, '-e', script, ...reached]);
}

function copyOf(folder: string): string {
  for (const name of NEEDED) {
    cpSync(join(REPOSITORY, name), join(folder, name), { recursive: true, dereference: true });
  }
  return folder;
}
