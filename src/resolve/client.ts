// Who calls, as far as it decides what a name means: its namespace says what it may see and which
// rules are for it, its labels which of the rules that select workloads.

export type Client = {
  readonly namespace: string;
  /** Empty where no rule tells the workloads of the namespace apart. */
  readonly labels: Readonly<Record<string, string>>;
};

/** Equal clients have equal keys. */
export function clientKey({ namespace, labels }: Client): string {
  const pairs = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return pairs.length === 0 ? namespace : `${namespace} ${JSON.stringify(pairs)}`;
}

export function parseClientKey(key: string): Client {
  const [, namespace = '', pairs = '[]'] = /^([^ ]*)(?: (.*))?$/s.exec(key) ?? [];
  const labels: readonly (readonly [string, string])[] = JSON.parse(pairs); // our own `clientKey`
  return { namespace, labels: Object.fromEntries(labels) };
}
