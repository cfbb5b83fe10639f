// Lays out a container's root on the lab's host: everything but the mounts, which are made inside.
import { closeSync, mkdirSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { RootPlan } from './root-plan.ts';

/**
 * A new root: what a container wrote before it was restarted is gone, as with every image.
 *
 * @param files texts by path in the container
 */
export function layOutRoot(
  root: string,
  plan: RootPlan,
  files: Readonly<Record<string, string>>,
): void {
  rmSync(root, { recursive: true, force: true });
  for (const folder of plan.folders) mkdirSync(folder, { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(`${root}${path}`), { recursive: true });
    writeFileSync(`${root}${path}`, text);
  }
  for (const path of plan.files) touch(path);
  for (const { path, target } of plan.links) {
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(target, path);
  }
}

function touch(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  closeSync(openSync(path, 'a'));
}
