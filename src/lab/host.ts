// A machine of the lab, as those see it who put programs on it: one in namespaces of its own
// (machine.ts), or one that is only a folder and a loopback address (loopback/machine.ts).
import type { CommandResult } from '#base/command.ts';
import type { LabProcess } from './process.ts';

export type StartOptions = {
  readonly env?: NodeJS.ProcessEnv;
  readonly onLine?: (line: string) => void;
};

export type RunOptions = { readonly input?: string; readonly env?: NodeJS.ProcessEnv };

/** How PostgreSQL lives on a machine. */
export type DatabasePlace = {
  readonly port: number;
  /** How its administrator logs in on its socket (pg_hba.conf). */
  readonly localLogin: 'peer' | 'trust';
  /** The command, run as a user that is not root: PostgreSQL refuses to run as that. */
  asServer(command: readonly string[]): string[];
};

export interface Host {
  readonly name: string;
  readonly address: string;
  /** What its servers bind that are reached from everywhere. */
  readonly anyAddress: string;
  /** Has it an /etc/hosts by which others are known? Else they are known by their addresses. */
  readonly hasOwnNames: boolean;
  readonly database: DatabasePlace;

  /** Where a file below the machine's /etc, /run or /var is seen from outside. */
  path(inside: string): string;
  /** Where the machine's own programs see it. */
  own(inside: string): string;
  writeFile(inside: string, content: string, mode?: number): void;
  /** The file's text; empty when there is no such file (yet). */
  readFile(inside: string): string;
  /** Starts a program in it, which ends with the machine at the latest. */
  start(name: string, command: readonly string[], options?: StartOptions): LabProcess;
  /** Runs a program in it to its end. */
  run(command: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /**
   * The body of an HTTP answer from one of its loopback ports, by the number that Istio gives it.
   *
   * @throws OperatorError LAB_FAILED when nothing answers with status 200
   */
  httpGet(port: number, path: string): Promise<string>;
}
