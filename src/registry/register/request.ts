// What a user wants registered: the words of `isthmus register`, checked. Pure.
import { canonicalIp } from '#base/ip.ts';
import { usageError } from '#base/flags.ts';
import type { OperatorError } from '#base/operator-error.ts';
import { protocolOf, type Protocol } from '#istio/core/protocol.ts';
import type { PROTOCOLS } from './protocols.ts';

export type RegisteredPort = {
  readonly port: number;
  readonly name: string;
  readonly protocol: Protocol;
  /** Does the name begin with the protocol, as Istio reads it? */
  readonly isProtocolInName: boolean;
};

export type Registration = {
  readonly name: string;
  readonly namespace: string;
  /** Canonical. */
  readonly address: string;
  readonly ports: readonly RegisteredPort[];
  readonly serviceAccount: string;
  /** Always with `app` and `version`. */
  readonly labels: Readonly<Record<string, string>>;
};

export type RegisterWords = {
  readonly operands: readonly string[];
  readonly flags: {
    readonly label: readonly string[];
    readonly 'service-account': string | undefined;
    readonly protocol: (typeof PROTOCOLS)[number];
  };
};

const USAGE = 'isthmus register NAME IP PORT[:NAME]... [flags]; all of it: isthmus register --help';
/** A ServiceEntry takes 256; nobody registers that many by hand. */
const PORTS_MAX = 100;
/** RFC 1035: what a Service may be called. */
const SERVICE_NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** RFC 1123. */
const OBJECT_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const LABEL = /^((?:[a-z0-9.-]{1,253}\/)?[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?)=([\w.-]{0,63})$/;
/** The first version of a workload, where nobody says otherwise: Kiali knows no VM without one. */
const FIRST_VERSION = 'v1';

/** @throws OperatorError USAGE */
export function parseRegistration(
  { operands, flags }: RegisterWords,
  namespace: string,
): Registration {
  const [nameWord = '', ip = '', ...portWords] = operands;
  const name = parseName(nameWord);
  const serviceAccount = flags['service-account'] ?? name;
  if (!OBJECT_NAME.test(serviceAccount)) {
    throw refuse(`"${serviceAccount}" is no name for a service account`);
  }
  const ports = parsePorts(portWords, flags.protocol);
  const labels = { app: name, version: FIRST_VERSION, ...parseLabels(flags.label) };
  return { name, namespace, address: parseAddress(ip), ports, serviceAccount, labels };
}

/** @throws OperatorError USAGE */
export function parseName(text: string): string {
  if (SERVICE_NAME.test(text)) return text;
  throw refuse(`"${text}" is no name for a service: lower-case letters, digits and hyphens`);
}

/** @throws OperatorError USAGE */
export function parseAddress(text: string): string {
  const address = canonicalIp(text);
  if (address === undefined) throw refuse(`"${text}" is no IP address`);
  if (/^(127\.|0\.|22[4-9]\.|23\d\.|::1?$|ff|fe80)/.test(address)) {
    throw refuse(`${address} is no address by which others reach the machine`);
  }
  return address;
}

function parsePorts(
  words: readonly string[],
  fallback: RegisterWords['flags']['protocol'],
): readonly RegisteredPort[] {
  if (words.length > PORTS_MAX) throw refuse(`more than ${PORTS_MAX} ports`);
  const isOnly = words.length === 1;
  const ports = words.map((word) => parsePort(word, { fallback, isOnly }));
  for (const [index, { port, name }] of ports.entries()) {
    const before = ports.slice(0, index);
    if (before.some((other) => other.port === port)) throw refuse(`port ${port} is named twice`);
    if (before.some((other) => other.name === name)) throw refuse(`two ports are called ${name}`);
  }
  return ports;
}

function parsePort(
  word: string,
  options: { readonly fallback: Protocol; readonly isOnly: boolean },
): RegisteredPort {
  const [, digits = '', given] =
    /^(\d{1,5})(?::([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?))?$/.exec(word) ?? [];
  const port = Number(digits);
  if (port < 1 || port > 65_535) throw refuse(`"${word}" is no port, such as 5432 or 8080:http`);
  const { fallback, isOnly } = options;
  const name = given ?? (isOnly ? fallback : `${fallback}-${port}`);
  const stated = protocolOf(name.split('-', 1)[0] ?? '');
  if (stated === 'udp') throw refuse(`port ${port} is UDP, which the mesh does not carry`);
  return { port, name, protocol: stated ?? fallback, isProtocolInName: stated !== undefined };
}

function parseLabels(words: readonly string[]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const word of words.flatMap((text) => text.split(','))) {
    const [, key, value] = LABEL.exec(word) ?? [];
    if (key === undefined || value === undefined) throw refuse(`"${word}" is no label KEY=VALUE`);
    labels[key] = value;
  }
  return labels;
}

const refuse = (message: string): OperatorError => usageError(message, USAGE);
