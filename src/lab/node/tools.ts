// Programs that the node starts with a container's environment, PATH included: found beforehand, in
// the node's own.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { OperatorError } from '#base/operator-error.ts';

export type Tool = 'bash' | 'ip' | 'nsenter' | 'script' | 'unshare';

const found = new Map<Tool, string>();

/** @throws OperatorError TOOL_MISSING */
export function toolPath(name: Tool): string {
  const known = found.get(name);
  if (known !== undefined) return known;
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  const path = folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
  if (path === undefined) {
    const remedy = `install ${name} (packages util-linux, iproute2, bash), or put it on the PATH`;
    throw new OperatorError('TOOL_MISSING', `${name} was not found`, { remedy });
  }
  found.set(name, path);
  return path;
}
