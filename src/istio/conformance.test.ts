// Istio's own word on its kinds: its CRDs. The data is not part of this repository; without it these
// tests say so and pass. Whole resources: src/controlplane/webhooks/resources-conformance.test.ts.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ISTIO_CONFORMANCE_FOLDER } from '../../test/fakes/conformance-data.ts';
import { isRecord } from '#kube/objects.ts';
import { apiVersionOf, resourceName } from '#kube/resources.ts';
import { CRD_GAPS } from './conformance-gaps.ts';
import type { Gap } from './conformance-gaps.ts';
import { customResourceDefinition } from './kind.ts';
import { KINDS } from './kinds.ts';
import { parseIstioObject } from './parsers.ts';

const FOLDER = ISTIO_CONFORMANCE_FOLDER;

function recordsOf(file: string): readonly Record<string, unknown>[] {
  const path = join(FOLDER, file);
  if (!existsSync(path)) return [];
  const data: unknown = JSON.parse(readFileSync(path, 'utf8'));
  assert(Array.isArray(data) && data.length > 0, `${path} holds no cases`);
  const items: readonly unknown[] = data;
  return items.filter(isRecord);
}

const isPresent = existsSync(FOLDER);

/** Istio's own CRDs of the first group had no schema, and are gone; the second never was its own. */
const NOT_OF_ISTIO = new Set(['authentication.istio.io', 'gateway.networking.k8s.io']);

test('every kind of Istio is known, and has a parser', (t) => {
  for (const { type } of KINDS) {
    const { kind } = type;
    const object = { apiVersion: apiVersionOf(type), kind, metadata: { name: 'it' }, spec: {} };
    assert(parseIstioObject(object), kind);
  }
  if (!isPresent) return t.diagnostic(`no conformance data at ${FOLDER}`);
  const ours = new Set(KINDS.map(({ type }) => resourceName(type)));
  const missing = recordsOf('crds.json').filter(({ name }) => !ours.has(String(name)));
  assert.deepEqual(missing, []);
});

test("our CRDs are Istio's, but for the listed differences", (t) => {
  if (!isPresent) return t.diagnostic(`no conformance data at ${FOLDER}`);
  const theirs = new Map(recordsOf('crds.json').map((crd) => [String(crd['name']), crd]));
  const found: string[] = [];
  for (const kind of KINDS) {
    if (NOT_OF_ISTIO.has(kind.type.group)) continue;
    const ours = customResourceDefinition(kind);
    const wanted = theirs.get(ours.metadata.name);
    assert(wanted, `Istio has no ${ours.metadata.name}`);
    const spec = isRecord(ours.spec) ? ours.spec : {};
    found.push(...differences({ name: ours.metadata.name, ...spec }, wanted, kind.type.kind));
  }
  const isListed = (gap: Gap, path: string): boolean =>
    new RegExp(`^${gap.what.replaceAll(/[.[\]]/g, '\\$&').replaceAll('*', '[^.]*')}(:|\\.)`).test(
      path,
    );
  assert.deepEqual(
    found.filter((path) => !CRD_GAPS.some((gap) => isListed(gap, path))),
    [],
  );
  const stale = CRD_GAPS.filter((gap) => !found.some((path) => isListed(gap, path)));
  assert.deepEqual(stale, [], 'listed, but no difference any more');
});

/**
 * `path: theirs → ours`, one line for each leaf that differs; order counts in lists only. What was
 * recorded of Istio has no descriptions.
 */
function differences(ours: unknown, theirs: unknown, path: string): string[] {
  const keysOf = (value: unknown): string[] | undefined =>
    typeof value === 'object' && value !== null ? Object.keys(value) : undefined;
  const at = (value: unknown, key: string): unknown =>
    isRecord(value) ? value[key] : Array.isArray(value) ? value[Number(key)] : undefined;
  const [a, b] = [keysOf(ours), keysOf(theirs)];
  if (a === undefined || b === undefined || Array.isArray(ours) !== Array.isArray(theirs)) {
    if (ours === theirs) return [];
    return [
      `${path}: ${JSON.stringify(theirs) ?? 'nothing'} → ${JSON.stringify(ours) ?? 'nothing'}`,
    ];
  }
  const isOurText = (key: string): boolean =>
    key === 'description' && typeof at(ours, key) === 'string';
  const keys = [...new Set([...a, ...b])].filter((key) => !isOurText(key)).toSorted();
  return keys.flatMap((key) => differences(at(ours, key), at(theirs, key), `${path}.${key}`));
}
