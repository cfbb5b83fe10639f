// How long a property is thrown noise at, and which noise: the same in every *.fuzz.test.ts, so
// that `npm run fuzz` can run each for as long as one likes, and again what has failed.

/** Set by `npm run fuzz`. */
export const FUZZ_SECONDS = 'ISTHMUS_FUZZ_SECONDS';
export const FUZZ_SEED = 'ISTHMUS_FUZZ_SEED';

/** `npm test` throws the same noise every time: what it finds is news of the code, not of luck. */
const SEED = 4711;
/** fast-check counts in 32 bits. */
const RUNS_MAX = 2 ** 31 - 1;
/** What the machine cannot do in this time, `npm test` does without. */
const TEST_LIMIT_MS = 10_000;

export type FuzzParameters = {
  readonly numRuns: number;
  readonly seed: number;
  readonly interruptAfterTimeLimit: number;
  /** Time that is over is no failure. */
  readonly markInterruptAsFailure: false;
};

/**
 * The parameters of `fc.assert`, which prints seed and smallest input when it fails.
 *
 * @param runs how often in `npm test`: what takes a second, not a minute
 */
export function fuzz(runs: number): FuzzParameters {
  const seconds = Number(process.env[FUZZ_SECONDS] ?? 0);
  const seed = Number(process.env[FUZZ_SEED] ?? SEED);
  const isLong = seconds > 0;
  return {
    numRuns: isLong ? RUNS_MAX : runs,
    seed,
    interruptAfterTimeLimit: isLong ? seconds * 1000 : TEST_LIMIT_MS,
    markInterruptAsFailure: false,
  };
}
