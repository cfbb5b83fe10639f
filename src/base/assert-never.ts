/** Compile error when a variant is unhandled; a crash if unchecked data slips through. */
export function assertNever(value: never): never {
  throw new Error(`unreachable variant: ${JSON.stringify(value)}`);
}
