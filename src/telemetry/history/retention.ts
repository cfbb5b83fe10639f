// For how long what is kept, and how finely.

export type StepSeconds = 1 | 10;

export type ChunkKind = {
  /** Seconds of one point. */
  readonly step: StepSeconds;
  /** Seconds that one chunk covers, from a multiple of them on. */
  readonly spanS: number;
  readonly keptS: number;
};

export const CHUNKS: readonly [ChunkKind, ChunkKind] = [
  { step: 1, spanS: 60, keptS: 3600 },
  { step: 10, spanS: 600, keptS: 24 * 3600 },
];
