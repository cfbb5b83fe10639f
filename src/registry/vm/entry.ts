// Finds the machine that files are wanted for, among what is registered. Pure.
import { OperatorError } from '#base/operator-error.ts';
import { isRecord, type KubeObject } from '#kube/objects.ts';
import { registeredBy } from '../register/plan.ts';
import type { VmEntry } from './files.ts';

/**
 * @param entries all WorkloadEntries of the namespace
 * @param wanted.name of the registration, or of the WorkloadEntry itself
 * @throws OperatorError NOT_FOUND, or USAGE when several machines answer to the name
 */
export function selectEntry(
  entries: readonly KubeObject[],
  wanted: {
    readonly name: string;
    readonly namespace: string;
    readonly address: string | undefined;
  },
): VmEntry {
  const { name, namespace, address } = wanted;
  const named = entries.filter(
    (entry) => registeredBy(entry) === name || entry.metadata.name === name,
  );
  const found = named
    .map((entry) => readEntry(entry, namespace))
    .filter((entry) => address === undefined || entry.address === address);
  const [first, ...others] = found;
  if (first === undefined) {
    const at = address === undefined ? '' : ` at ${address}`;
    throw new OperatorError('NOT_FOUND', `${name} is not registered${at} in ${namespace}`, {
      remedy: `register it first: isthmus register ${name} ${address ?? 'IP'} PORT -n ${namespace}`,
    });
  }
  if (others.length === 0) return first;
  const addresses = found.map((entry) => entry.address).toSorted();
  throw new OperatorError('USAGE', `${name} has ${found.length} machines`, {
    remedy: `say which with --ip: ${addresses.join(', ')}`,
  });
}

function readEntry({ metadata, spec }: KubeObject, namespace: string): VmEntry {
  const fields = isRecord(spec) ? spec : {};
  const { address, serviceAccount, ports } = fields;
  return {
    name: metadata.name,
    namespace,
    address: typeof address === 'string' ? address : '',
    ports: Object.values(isRecord(ports) ? ports : {}).filter((port) => typeof port === 'number'),
    labels: textsOf(fields['labels']),
    serviceAccount: typeof serviceAccount === 'string' ? serviceAccount : 'default',
    ...metricsOf(metadata.annotations ?? {}),
  };
}

/** As injection reads them of Pods; what is not to be scraped is not spoken of. */
function metricsOf(annotations: Readonly<Record<string, string>>): Pick<VmEntry, 'metrics'> {
  const said = ['scrape', 'path', 'port'].flatMap((name) => {
    const value = annotations[`prometheus.io/${name}`];
    return value === undefined ? [] : [[name, value] as const];
  });
  const metrics: NonNullable<VmEntry['metrics']> = Object.fromEntries(said);
  const isWanted = metrics.port !== undefined && !/^(?:0|f|false)$/i.test(metrics.scrape ?? '');
  return isWanted ? { metrics } : {};
}

function textsOf(value: unknown): Record<string, string> {
  const entries = Object.entries(isRecord(value) ? value : {});
  return Object.fromEntries(
    entries.flatMap(([key, text]) => (typeof text === 'string' ? [[key, text]] : [])),
  );
}
