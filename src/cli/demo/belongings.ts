// What one run of the demo has on this machine, all of it in one folder that goes with it: logs of
// its programs, and for another terminal a kubeconfig, a cache for kubectl and `isthmus` itself.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LAUNCHER = fileURLToPath(new URL('../../../bin/isthmus.js', import.meta.url));

export class Belongings {
  readonly #folder: string;
  readonly #ownLogs: boolean;
  readonly logs: string;

  /** @param logs where they are to go; default the folder, which keeps nothing but them */
  constructor(logs: string | undefined) {
    this.#folder = mkdtempSync(join(tmpdir(), 'isthmus-demo-'));
    this.#ownLogs = logs === undefined;
    this.logs = logs ?? join(this.#folder, 'logs');
    mkdirSync(this.logs, { recursive: true });
  }

  /** For the socket of `isthmus firewall --apply`. */
  get socket(): string {
    return join(this.#folder, 'lab.sock');
  }

  /** Lays things out for kubectl and isthmus. @returns the shell's lines that point to them */
  furnish(kubeconfig: string): readonly string[] {
    const config = join(this.#folder, 'kubeconfig');
    const cache = join(this.#folder, 'cache');
    const bin = join(this.#folder, 'bin');
    writeFileSync(config, kubeconfig, { mode: 0o600 });
    mkdirSync(cache, { mode: 0o700 });
    mkdirSync(bin);
    symlinkSync(LAUNCHER, join(bin, 'isthmus'));
    return [
      `export KUBECONFIG=${config} KUBECACHEDIR=${cache}`,
      `export ISTHMUS_LAB_SOCKET=${this.socket} PATH=${bin}:$PATH`,
    ];
  }

  /** Removes all of it, but not logs that somebody wants. @returns where these are */
  remove({ areLogsWanted }: { readonly areLogsWanted: boolean }): string | undefined {
    const isKept = !this.#ownLogs || (areLogsWanted && readdirSync(this.logs).length > 0);
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name);
      if (path !== this.logs || !isKept) rmSync(path, { recursive: true, force: true });
    }
    if (!this.#ownLogs || !isKept) rmSync(this.#folder, { recursive: true, force: true });
    return isKept ? this.logs : undefined;
  }
}
