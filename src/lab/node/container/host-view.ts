// The lab's host as it is now, for planning containers' roots.
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import type { HostEntry, HostView } from './root-plan.ts';

export const hostView: HostView = {
  kindOf(path) {
    try {
      return statSync(path).isDirectory() ? 'folder' : 'file';
    } catch {
      return undefined; // not there, or a link that leads nowhere
    }
  },
  entriesOf(folder) {
    return readdirSync(folder, { withFileTypes: true }).map((entry): HostEntry => {
      const { name } = entry;
      if (entry.isSymbolicLink()) {
        return { name, kind: 'link', target: readlinkSync(`${folder}/${name}`) };
      }
      return { name, kind: entry.isDirectory() ? 'folder' : 'file' };
    });
  },
  linkAt(path) {
    try {
      return readlinkSync(path);
    } catch {
      return undefined;
    }
  },
};
