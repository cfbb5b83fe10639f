// Who calls, as far as it decides what a name means: its namespace says what it may see and which
// rules are for it, its labels which of the rules that select workloads, its place whom it prefers.
import { unknownClient } from '#model/clients.ts';
import type { Client } from '#model/clients.ts';

export type { Client };

/** Equal clients have equal keys: the namespace alone where nothing else is known or asked for. */
export function clientKey(client: Client): string {
  const { namespace, labels, locality, network, isSidecar, hasIpv6 } = client;
  const pairs = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const facts = [pairs, locality, network, isSidecar, hasIpv6];
  const isPlain = pairs.length === 0 && locality === '' && network === '' && !isSidecar && !hasIpv6;
  return isPlain ? namespace : `${namespace} ${JSON.stringify(facts)}`;
}

export function parseClientKey(key: string): Client {
  const [, namespace = '', facts] = /^([^ ]*)(?: (.*))?$/s.exec(key) ?? [];
  if (facts === undefined) return unknownClient(namespace);
  const [pairs, locality, network, isSidecar, hasIpv6]: Facts = JSON.parse(facts); // ours
  return { namespace, labels: Object.fromEntries(pairs), locality, network, isSidecar, hasIpv6 };
}

type Facts = readonly [
  labels: readonly (readonly [string, string])[],
  locality: string,
  network: string,
  isSidecar: boolean,
  hasIpv6: boolean,
];
