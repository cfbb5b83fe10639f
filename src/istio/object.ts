// What every parsed object of the mesh's kinds carries besides its spec.

export type ParsedMeta = {
  readonly namespace: string;
  readonly name: string;
  /** 0 when the object does not say. Milliseconds since the Unix epoch. */
  readonly createdAtMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
};

/** What is wrong with an object, at a field path such as `spec.ports[0].number`. */
export type Violation = { readonly field: string; readonly message: string };

export type ParseResult<T> =
  | { readonly ok: true; readonly value: T }
  /** At least one. */
  | { readonly ok: false; readonly violations: readonly Violation[] };
