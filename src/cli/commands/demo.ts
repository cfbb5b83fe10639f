// `isthmus demo`: the library story in a lab on this machine. Outside it enters the lab's sandbox
// with itself; inside it tells the story over the line between the two.
import { isInsideSandbox } from '#lab/sandbox.ts';
import { runInside } from '../demo/inside.ts';
import { parseDemoOptions } from '../demo/options.ts';
import { runOutside } from '../demo/outside.ts';

/**
 * @returns 0 when everything was seen
 * @throws OperatorError USAGE, FILE_UNREADABLE, LAB_FAILED
 */
export async function runDemo(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<number> {
  const options = parseDemoOptions(argv);
  return isInsideSandbox(env)
    ? await runInside(env, signal)
    : await runOutside(options, { env, signal });
}
