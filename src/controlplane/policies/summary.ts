// A policy in one row: whom it is for, what it does, who keeps it. Pure.
import type { PolicyReference, PolicySummary } from '#api/policies.ts';
import { parseAuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import type { AuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import { parsePeerAuthentication } from '#istio/peerauthentication/peer-authentication.ts';
import { renderViolation, stringsOf } from '#istio/object.ts';
import { parseIstioObject } from '#istio/parsers.ts';
import { fieldsOf, objectsAt, textAt } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import type { Mesh } from '#model/mesh.ts';
import { isFor } from '#model/policy-attachment.ts';
import type { Workload } from '#model/workload.ts';
import { nodeIdOf } from '../view/node-id.ts';
import { SHADOW_OF } from './objects.ts';

/** Of calls in the last day; null: the kind counts nothing. */
export type Hits = { readonly allowed: number | null; readonly denied: number | null };

export type SummaryParts = {
  readonly mesh: Mesh;
  /** All policies of its kind, for what they do to each other. */
  readonly peers: readonly KubeObject[];
  readonly hits: Hits;
  /** Who wrote it last, where it was written here; empty: somewhere else. */
  readonly writtenBy: string;
};

export function summaryOf(object: KubeObject, parts: SummaryParts): PolicySummary {
  const ref = refOf(object);
  const { mesh, hits, writtenBy } = parts;
  const change = lastChange(object);
  return {
    ...ref,
    scope: scopeOf(mesh, object),
    targets: [...new Set(targetsOf(mesh, object).map(targetName))].toSorted(),
    effect: effectOf(object),
    ...hits,
    conflicts: conflictsOf(object, parts),
    changedAtMs: change.atMs,
    changedBy: writtenBy || change.by,
    managedBy: managedBy(object),
  };
}

/** `default/postgresql-1-vm`: all of its instances together. */
const targetName = (workload: Workload): string => nodeIdOf(workload).slice('wl:'.length);

export const refOf = ({ kind = '', metadata }: KubeObject): PolicyReference => ({
  kind,
  namespace: metadata.namespace ?? '',
  name: metadata.name,
});

const selectorOf = ({ spec }: KubeObject): Readonly<Record<string, string>> =>
  stringsOf(fieldsOf(fieldsOf(spec)['selector'])['matchLabels']);

const targetRefs = ({ spec }: KubeObject) => {
  const fields = fieldsOf(spec);
  const one = fieldsOf(fields['targetRef']);
  const all = [...objectsAt(fields, 'targetRefs'), ...(textAt(one, 'name') ? [one] : [])];
  return all.map((ref) => ({
    group: textAt(ref, 'group'),
    kind: textAt(ref, 'kind'),
    name: textAt(ref, 'name'),
  }));
};

function scopeOf(mesh: Mesh, object: KubeObject): string {
  const targets = targetRefs(object);
  if (targets.length > 0) return targets.map(({ kind, name }) => `${kind} ${name}`).join(', ');
  const labels = Object.entries(selectorOf(object));
  if (labels.length > 0) return labels.map(([name, value]) => `${name}=${value}`).join(', ');
  return object.metadata.namespace === mesh.config().rootNamespace ? 'mesh' : 'namespace';
}

/** The workloads that the policy is for. */
export function targetsOf(mesh: Mesh, object: KubeObject): readonly Workload[] {
  const { namespace = '' } = object.metadata;
  const policy = { namespace, selector: selectorOf(object), targets: targetRefs(object) };
  const isOfMesh = namespace === mesh.config().rootNamespace;
  return [...mesh.workloads.entries()]
    .map(([, workload]) => workload)
    .filter((workload) => isOfMesh || workload.namespace === namespace)
    .filter((workload) => isFor(policy, workload));
}

function effectOf(object: KubeObject): string {
  switch (object.kind) {
    case 'AuthorizationPolicy': {
      const parsed = parseAuthorizationPolicy(object);
      if (!parsed.ok) return 'refused';
      const { action, rules, isDryRun } = parsed.value;
      const count = `${rules.length} ${rules.length === 1 ? 'rule' : 'rules'}`;
      return `${action}, ${count}${isDryRun ? ', dry run' : ''}`;
    }
    case 'PeerAuthentication': {
      const parsed = parsePeerAuthentication(object);
      if (!parsed.ok) return 'refused';
      const { mode, portLevel } = parsed.value;
      const ports = [...portLevel].map(([port, of]) => `${port} ${of}`);
      return [mode === 'UNSET' ? 'inherits' : mode, ...ports].join(', ');
    }
    default: {
      const issuers = objectsAt(fieldsOf(object.spec), 'jwtRules').map((it) =>
        textAt(it, 'issuer'),
      );
      return `tokens of ${issuers.join(', ') || 'nobody'}`;
    }
  }
}

function conflictsOf(object: KubeObject, { mesh, peers }: SummaryParts): readonly string[] {
  const result = parseIstioObject(object);
  if (result && !result.ok) {
    return [
      `not in force as it is: ${result.violations.slice(0, 3).map(renderViolation).join(', ')}`,
    ];
  }
  const shadow = object.metadata.labels?.[SHADOW_OF];
  if (shadow !== undefined) return [];
  return object.kind === 'PeerAuthentication'
    ? peersInTheWay(object, peers)
    : deniersOf(mesh, object, peers);
}

/** Of several of one scope only the oldest counts. */
function peersInTheWay(object: KubeObject, peers: readonly KubeObject[]): readonly string[] {
  const scope = scopeKey(object);
  const others = peers.filter(
    (one) =>
      one.kind === object.kind &&
      one.metadata.namespace === object.metadata.namespace &&
      one.metadata.name !== object.metadata.name &&
      scopeKey(one) === scope,
  );
  const [oldest] = [object, ...others].toSorted((a, b) => ageKey(a).localeCompare(ageKey(b)));
  if (others.length === 0 || oldest === undefined) return [];
  const name = `${oldest.metadata.namespace}/${oldest.metadata.name}`;
  return oldest === object
    ? others.map((one) => `${one.metadata.name} has the same scope, and does not count`)
    : [`${name} has the same scope and is older: this one does not count`];
}

const scopeKey = (object: KubeObject): string =>
  JSON.stringify(Object.entries(selectorOf(object)).toSorted(([a], [b]) => (a < b ? -1 : 1)));

const ageKey = ({ metadata }: KubeObject): string =>
  `${metadata.creationTimestamp ?? ''} ${metadata.name}`;

/** What an ALLOW lets in and a DENY for everybody refuses all the same. */
function deniersOf(
  mesh: Mesh,
  object: KubeObject,
  peers: readonly KubeObject[],
): readonly string[] {
  const own = policyOf(object);
  if (own?.action !== 'ALLOW' || own.isDryRun) return [];
  const targets = new Set(targetsOf(mesh, object).map(({ key }) => key));
  if (targets.size === 0) return [];
  return peers.flatMap((peer) => {
    const other = policyOf(peer);
    if (other?.action !== 'DENY' || other.isDryRun) return [];
    if (!other.rules.some((rule) => Object.keys(rule).length === 0)) return [];
    const covers = targetsOf(mesh, peer).some(({ key }) => targets.has(key));
    return covers ? [`${other.namespace}/${other.name} refuses everybody whom this lets in`] : [];
  });
}

function policyOf(object: KubeObject): AuthorizationPolicy | undefined {
  if (object.kind !== 'AuthorizationPolicy') return undefined;
  const parsed = parseAuthorizationPolicy(object);
  return parsed.ok ? parsed.value : undefined;
}

/** The newest write of what its author says, by the server's own record. */
export function lastChange({ metadata }: KubeObject): {
  readonly atMs: number;
  readonly by: string;
} {
  const entries = objectsAt(fieldsOf(metadata), 'managedFields')
    .filter((entry) => textAt(entry, 'subresource') === '')
    .map((entry) => ({ atMs: Date.parse(textAt(entry, 'time')), by: textAt(entry, 'manager') }))
    .filter(({ atMs }) => !Number.isNaN(atMs))
    .toSorted((a, b) => b.atMs - a.atMs);
  const createdAtMs = Date.parse(metadata.creationTimestamp ?? '');
  return entries[0] ?? { atMs: Number.isNaN(createdAtMs) ? 0 : createdAtMs, by: '' };
}

/** By what the tools write on objects that they keep as their sources say. */
const KEEPERS: readonly (readonly [key: string, name: string])[] = [
  ['argocd.argoproj.io/tracking-id', 'Argo CD'],
  ['argocd.argoproj.io/instance', 'Argo CD'],
  ['kustomize.toolkit.fluxcd.io/name', 'Flux'],
  ['helm.toolkit.fluxcd.io/name', 'Flux'],
];

/** Empty: nobody would undo an edit. */
export function managedBy({ metadata }: KubeObject): string {
  const notes = { ...metadata.labels, ...metadata.annotations };
  return KEEPERS.find(([key]) => notes[key] !== undefined)?.[1] ?? '';
}
