// Names in a policy that mean nobody in the mesh as it is now: most often they are misspelt.
import { fieldsOf, objectsAt, textsAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { stringsOf } from '#istio/object.ts';
import type { Mesh } from '#model/mesh.ts';
import { hasLabels } from '#model/workload.ts';
import type { Workload } from '#model/workload.ts';
import type { FieldNote } from './diagnose.ts';
import { nearest } from './suggest.ts';
import { unknownHosts } from './unknown-hosts.ts';

type Known = {
  readonly namespaces: ReadonlySet<string>;
  /** `namespace/account` */
  readonly accounts: ReadonlySet<string>;
  readonly trustDomains: readonly string[];
};

/** A note, and what might have been meant: to be looked for only if it is told. */
export type Unknown = FieldNote & {
  readonly wanted: string;
  readonly candidates: Iterable<string>;
};

/** Looking for what might have been meant takes its time. */
const SUGGESTIONS_MAX = 20;

/** Warnings, never errors: whoever is named may come yet. */
export function unknownNames(mesh: Mesh, object: KubeObject): readonly FieldNote[] {
  return unknownIn(mesh, object).map(
    ({ severity, field, message, wanted, candidates }, index): FieldNote => {
      const near = index < SUGGESTIONS_MAX ? nearest(wanted, candidates) : undefined;
      const hint = near === undefined ? '' : `; did you mean ${near}?`;
      return { severity, field, message: `${message}${hint}` };
    },
  );
}

function unknownIn(mesh: Mesh, object: KubeObject): readonly Unknown[] {
  const { namespace = '' } = object.metadata;
  const all = [...mesh.workloads.entries()].map(([, workload]) => workload);
  const spec = fieldsOf(object.spec);
  const known = knownIn(mesh, all);
  const rules = object.kind === 'AuthorizationPolicy' ? objectsAt(spec, 'rules') : [];
  const isForMesh = namespace === mesh.config().rootNamespace;
  const selected = all.filter(
    (one) => (isForMesh || one.namespace === namespace) && isSelected(one, spec),
  );
  return [
    ...selectorNotes(spec, selected, all),
    ...unknownHosts(mesh, object),
    ...rules.flatMap((rule, index) => [
      ...objectsAt(rule, 'from').flatMap((from, position) =>
        sourceNotes(fieldsOf(from['source']), {
          field: `spec.rules[${index}].from[${position}].source`,
          namespace,
          known,
        }),
      ),
      ...objectsAt(rule, 'to').flatMap((to, position) =>
        portNotes(mesh, fieldsOf(to['operation']), {
          field: `spec.rules[${index}].to[${position}].operation.ports`,
          selected,
        }),
      ),
    ]),
  ];
}

const labelsOf = (spec: Fields): Readonly<Record<string, string>> =>
  stringsOf(fieldsOf(spec['selector'])['matchLabels']);

const isSelected = ({ labels }: Workload, spec: Fields): boolean =>
  hasLabels(labels, labelsOf(spec));

function knownIn(mesh: Mesh, all: readonly Workload[]): Known {
  const { trustDomain, trustDomainAliases } = mesh.config();
  const ofServices = [...mesh.services.entries()].map(([, { namespace }]) => namespace);
  return {
    namespaces: new Set([...all.map(({ namespace }) => namespace), ...ofServices]),
    accounts: new Set(
      all.map(({ namespace, serviceAccount }) => `${namespace}/${serviceAccount || 'default'}`),
    ),
    trustDomains: [trustDomain, ...trustDomainAliases, 'cluster.local'],
  };
}

function selectorNotes(
  spec: Fields,
  selected: readonly Workload[],
  all: readonly Workload[],
): readonly Unknown[] {
  const labels = labelsOf(spec);
  if (selected.length > 0 || Object.keys(labels).length === 0) return [];
  return Object.entries(labels).flatMap(([name, value]): readonly Unknown[] => {
    const values = new Set(all.flatMap((one) => one.labels[name] ?? []));
    if (values.has(value)) return [];
    const field = `spec.selector.matchLabels[${name}]`;
    const message = `no workload has the label ${name}: ${value}`;
    return [{ severity: 'warning', field, message, wanted: value, candidates: values }];
  });
}

type Place = { readonly field: string; readonly namespace: string; readonly known: Known };

function sourceNotes(source: Fields, place: Place): readonly Unknown[] {
  return [
    ...each(source, 'namespaces', place, ({ namespaces }, value) => ({
      isKnown: namespaces.has(value),
      what: `nothing of the mesh is in namespace ${value}`,
      wanted: value,
      candidates: namespaces,
    })),
    ...each(source, 'principals', place, ({ accounts, trustDomains }, value) => {
      const [, domain = '', account = ''] = /^([^/]+)\/ns\/([^/]+\/sa\/[^/]+)$/.exec(value) ?? [];
      const wanted = account.replace('/sa/', '/');
      if (account !== '' && !trustDomains.includes(domain)) {
        return {
          isKnown: false,
          what: `the mesh does not trust ${domain}`,
          wanted: domain,
          candidates: trustDomains,
        };
      }
      return {
        isKnown: account === '' || accounts.has(wanted),
        what: `no workload uses service account ${wanted}`,
        wanted,
        candidates: accounts,
      };
    }),
    ...each(source, 'serviceAccounts', place, ({ accounts }, value) => {
      const wanted = value.includes('/') ? value : `${place.namespace}/${value}`;
      return {
        isKnown: accounts.has(wanted),
        what: `no workload uses service account ${wanted}`,
        wanted,
        candidates: accounts,
      };
    }),
  ];
}

type Looked = {
  readonly isKnown: boolean;
  readonly what: string;
  readonly wanted: string;
  readonly candidates: Iterable<string>;
};

/** A value with a wildcard may mean whoever comes. */
function each(
  source: Fields,
  name: string,
  { field, known }: Place,
  look: (known: Known, value: string) => Looked,
): readonly Unknown[] {
  return textsAt(source, name).flatMap((value, index): readonly Unknown[] => {
    if (value.includes('*')) return [];
    const { isKnown, what: message, wanted, candidates } = look(known, value);
    const at = `${field}.${name}[${index}]`;
    return isKnown ? [] : [{ severity: 'warning', field: at, message, wanted, candidates }];
  });
}

/** Of workloads that serve something: of others no service says what they serve. */
function portNotes(
  mesh: Mesh,
  operation: Fields,
  { field, selected }: { readonly field: string; readonly selected: readonly Workload[] },
): readonly Unknown[] {
  const served = new Set(
    selected.flatMap(({ key }) => mesh.inboundPorts(key).map(({ port }) => String(port))),
  );
  if (served.size === 0) return [];
  return textsAt(operation, 'ports').flatMap((port, index): readonly Unknown[] => {
    if (served.has(port)) return [];
    const what = `no workload that is selected serves port ${port}`;
    const message = `${what}; they serve ${[...served].slice(0, 8).join(', ')}`;
    const at = `${field}[${index}]`;
    return [{ severity: 'warning', field: at, message, wanted: port, candidates: [] }];
  });
}
