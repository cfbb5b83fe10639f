// What happened, for the time line. `GET /api/v1/history/marks?from=&to=`.

/** A mark on the time line: what happened, when. */
export type HistoryMark = {
  readonly atMs: number;
  readonly kind: 'join' | 'policy' | 'rotation' | 'denial' | 'left';
  readonly about: string;
  readonly text: string;
};
