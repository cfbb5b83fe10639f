// Real definitions and real objects: Istio's own, with what a real API server's validation said of
// each. The data lies beside the project and is not part of it.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ISTIO_CONFORMANCE_FOLDER } from '../../../test/fakes/conformance-data.ts';
import { validateRules } from '../cel/rules.ts';
import { compileDefinition } from '../kinds/custom.ts';
import { KindRegistry } from '../kinds/kind-registry.ts';
import type { KubeObject } from '../object.ts';
import { renderViolation } from '../violation.ts';
import { pruneUnknown } from './prune.ts';
import { validateValue } from './validate.ts';

const FOLDER = ISTIO_CONFORMANCE_FOLDER;

type Definition = { readonly name: string };
type Case = {
  readonly id: string;
  readonly why: readonly string[];
  readonly crd_error: string | null;
  readonly obj: KubeObject;
};

function read(file: string): string {
  return readFileSync(join(FOLDER, file), 'utf8');
}

function readCases(file: string): readonly Case[] {
  return JSON.parse(read(file));
}

function kindsOfIstio(): KindRegistry {
  const kinds = new KindRegistry([]);
  const definitions: readonly Definition[] = JSON.parse(read('crds.json'));
  for (const { name, ...spec } of definitions) {
    const definition = {
      apiVersion: 'v1',
      kind: 'CustomResourceDefinition',
      metadata: { name },
      spec,
    };
    const { kind, violations } = compileDefinition(definition);
    assert.deepEqual(violations, [], name);
    kinds.install(kind);
  }
  return kinds;
}

type Problems = { readonly unknown: readonly string[]; readonly wrong: readonly string[] };

/** What our validation says; undefined for a kind that is none of Istio's. */
function problemsOf(kinds: KindRegistry, object: KubeObject): Problems | undefined {
  const [group = '', version = ''] = object.apiVersion.split('/');
  const served = kinds.findByKind(group, version, object.kind);
  if (!served) return undefined;
  const { schema } = served.version;
  const { value, unknown } = pruneUnknown(schema, object);
  const structural = validateValue(schema, value);
  const found = structural.length > 0 ? structural : validateRules(schema, value);
  return { unknown, wrong: found.map((violation) => renderViolation(violation)) };
}

/** Real servers say `"object"` for a whole value, the recording tool left it out. */
function comparable(message: string): string {
  return message.replaceAll(/Invalid value: "(?:object|array)": (?!type|URL)/g, 'Invalid value: ');
}

function recorded({ crd_error: text }: Case): readonly string[] {
  if (text === null) return [];
  const message = text.replace(/^[^:]*: /, '').replace(/^\[(.*)\]$/s, '$1');
  return message.split(/, (?=spec[.:[])/).map((one) => comparable(one));
}

/** Uses a field that is newer than the recorded definitions. */
const TOO_NEW = 'reject-0035-requestauthentication';

const MISSING = `no conformance data at ${FOLDER}`;

test('what a real server accepts of Istio, this one accepts', (t) => {
  if (!existsSync(FOLDER)) return t.diagnostic(MISSING);
  const kinds = kindsOfIstio();
  const cases = readCases('resources-accept.json');
  const judged = cases.map(({ id, obj }) => ({ id, problems: problemsOf(kinds, obj) }));
  const refused = judged.filter(
    ({ problems }) => problems && problems.unknown.length + problems.wrong.length > 0,
  );
  assert.deepEqual(refused, []);
  assert(judged.filter(({ problems }) => problems).length > 700, 'most of them are of known kinds');
});

test('what a real server refuses of Istio, this one refuses in the same words', (t) => {
  if (!existsSync(FOLDER)) return t.diagnostic(MISSING);
  const kinds = kindsOfIstio();
  let count = 0;
  for (const one of readCases('resources-reject.json')) {
    const problems = problemsOf(kinds, one.obj);
    if (!problems || one.id === TOO_NEW) continue;
    count += 1;
    const expected = recorded(one).toSorted();
    // The recording tool named unknown fields only where nothing else was wrong.
    const unknown = `unknown fields [${problems.unknown.toSorted().join(' ')}]`;
    const wrong = problems.wrong.map((problem) => comparable(problem)).toSorted();
    assert.deepEqual(
      wrong.length === 0 && problems.unknown.length > 0 ? [unknown] : wrong,
      expected,
    );
  }
  assert(count > 250, `only ${count} cases are of known kinds`);
});
