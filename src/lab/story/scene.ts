// What the chapters of the library's story have in common: the commands of the product, as a user
// runs them, and the logs that are waited for.
import { runCommand } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import { isthmus, MONITORING_PORT } from '../cluster.ts';
import { eventually } from '../eventually.ts';
import { type InventoryLog, LOGS_COMMAND } from './inventory-log.ts';
import { CONTROL_PLANE, type LibraryWorld, VM } from './library-world.ts';
import type { Narrator } from './narrator.ts';
import type { VmAgent } from './vm-agent.ts';

/** A book comes every two seconds, and one that failed is tried again within two. */
const BOOK_LIMIT_MS = 30_000;
const LOG_LIMIT_MS = 5_000;
export const INSERTED = /^✅ /;

export type Scene = {
  readonly world: LibraryWorld;
  readonly narrator: Narrator;
  readonly log: InventoryLog;
};

/** Shows the inventory's next lines of a kind. @throws OperatorError when they do not come */
export async function showInventoryLog(
  { log, narrator }: Scene,
  wanted: { readonly what: string; readonly matches: RegExp; readonly count?: number },
): Promise<void> {
  narrator.announce(LOGS_COMMAND);
  const onLine = (line: string): void => narrator.line(line);
  await log.wait({ count: 1, ...wanted, limitMs: BOOK_LIMIT_MS, onLine });
}

/** Shows the VM's next line of access log after so many. Envoy writes them once a second. */
export async function showAccessLog(
  { narrator }: Pick<Scene, 'narrator'>,
  vm: VmAgent,
  from: number,
): Promise<void> {
  narrator.announce(`tail -1 /var/log/istio/istio.log    # on ${VM.name}`);
  const ask = async (): Promise<string | undefined> =>
    vm.accessLog(VM.port).length > from ? vm.accessLog(VM.port).at(-1) : undefined;
  const limits = { limitMs: LOG_LIMIT_MS };
  narrator.line(await eventually("a line in the VM's access log", ask, limits));
}

/**
 * Shows a command of the product and what it prints.
 *
 * @param options.cwd where it writes files
 * @returns what it printed
 */
export async function showIsthmus(
  { world, narrator }: Pick<Scene, 'world' | 'narrator'>,
  words: readonly string[],
  options: { readonly cwd?: string } = {},
): Promise<string> {
  const text = `isthmus ${words.join(' ')}`;
  return await narrator.command(text, () => runIsthmus(world, words, options.cwd));
}

async function runIsthmus(
  { kubectl }: LibraryWorld,
  words: readonly string[],
  cwd: string | undefined,
): Promise<string> {
  const [program = '', ...args] = isthmus(...words);
  const ISTHMUSD = `http://${CONTROL_PLANE.address}:${MONITORING_PORT}`;
  const options = { env: { ...kubectl.env, ISTHMUSD }, ...(cwd !== undefined && { cwd }) };
  const { status, stdout, stderr } = await runCommand(program, args, options);
  if (status === 0) return stdout;
  throw new OperatorError('LAB_FAILED', `isthmus ${words.join(' ')}: ${stderr.trim()}`, {
    remedy: "read isthmusd's log: it is in the lab's logs",
  });
}
