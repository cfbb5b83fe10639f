// What a chart draws.

export type Curve = {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** Name of a CSS custom property. */
  readonly colour: string;
  /** Drawn downwards. */
  readonly isMirrored?: boolean;
  /** Of what the others are compared with: without a surface, and told apart by its line. */
  readonly isDashed?: boolean;
  /** So much earlier are its values than where they are drawn. */
  readonly shiftMs?: number;
};
