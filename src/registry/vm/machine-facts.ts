// What a machine that joins is told: of itself and of the mesh. It makes its files of it; nothing
// in it is a path or a command.
import { isRecord } from '#kube/objects.ts';
import { fieldsOf, textAt } from '#kube/fields.ts';
import type { VmFilesInput } from './files.ts';

export type MachineFacts = Omit<VmFilesInput, 'credential' | 'serviceCidr'> & {
  /** PEM, for the key that the machine has made: a secret is not among it. */
  readonly chainPem: string;
};

/** @returns undefined when it is not what a control plane says */
export function parseMachineFacts(text: string): MachineFacts | undefined {
  const facts = parse(text);
  const entry = fieldsOf(facts, 'entry');
  const { ports } = entry;
  const texts = ['service', 'gateway', 'trustDomain', 'rootCertPem', 'chainPem'].map((field) =>
    textAt(facts, field),
  );
  const names = ['name', 'namespace', 'address', 'serviceAccount'].map((field) =>
    textAt(entry, field),
  );
  if ([...texts, ...names].includes('')) return undefined;
  const [service = '', gateway = '', trustDomain = '', rootCertPem = '', chainPem = ''] = texts;
  const [name = '', namespace = '', address = '', serviceAccount = ''] = names;
  const list: readonly unknown[] = Array.isArray(ports) ? ports : [];
  return {
    service,
    gateway,
    trustDomain,
    rootCertPem,
    chainPem,
    entry: {
      name,
      namespace,
      address,
      serviceAccount,
      ports: list.filter((port) => typeof port === 'number'),
      labels: textsOf(entry['labels']),
    },
    proxyConfig: fieldsOf(facts, 'proxyConfig'),
  };
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

const textsOf = (value: unknown): Record<string, string> =>
  Object.fromEntries(
    Object.entries(isRecord(value) ? value : {}).flatMap(([key, text]) =>
      typeof text === 'string' ? [[key, text]] : [],
    ),
  );
