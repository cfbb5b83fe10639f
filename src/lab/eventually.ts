// Waiting for what others bring about in their own time.
import { systemClock, withDeadline } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';

const LIMIT_MS = 20_000;
const POLL_MS = 25;

/**
 * Asks again and again until there is an answer.
 *
 * @param what completes the sentence "… did not come about"
 * @param options.limitMs default 20 s: generous, because it only bounds how long a failure takes
 * @throws OperatorError LAB_FAILED when there is no answer in time
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  options: { readonly limitMs?: number } = {},
): Promise<T> {
  const { limitMs = LIMIT_MS } = options;
  try {
    return await withDeadline({ what, limitMs }, async (signal) => {
      for (;;) {
        const answer = await ask();
        if (answer !== undefined) return answer;
        await systemClock.sleep(POLL_MS, signal);
      }
    });
  } catch (cause) {
    if (!(cause instanceof DOMException)) throw cause;
    const message = `${what} did not come about within ${limitMs / 1000} s`;
    throw new OperatorError('LAB_FAILED', message, {
      remedy: "read the logs of isthmusd and of the agents: they are in the lab's logs",
      cause,
    });
  }
}

/** The same for a condition. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  await eventually(what, async () => (await isSo()) || undefined);
}
