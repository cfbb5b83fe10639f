// Istio's own word on whole resources, asked the way a user's kubectl does: our definitions in our
// API server (unknown fields, schema, CEL), then our webhook. The data is not part of this
// repository; without it these tests say so and pass.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { validateRules } from '#apiserver/cel/rules.ts';
import { compileDefinition } from '#apiserver/kinds/custom.ts';
import { KindRegistry } from '#apiserver/kinds/kind-registry.ts';
import type { KubeObject } from '#apiserver/object.ts';
import { pruneUnknown } from '#apiserver/schema/prune.ts';
import { validateValue } from '#apiserver/schema/validate.ts';
import { renderViolation } from '#apiserver/violation.ts';
import { RESOURCE_GAPS, WARNING_GAPS } from '#istio/conformance-gaps.ts';
import { GATEWAY_API_KINDS } from '#istio/gatewayapi/kinds.ts';
import { customResourceDefinition } from '#istio/kind.ts';
import { KINDS } from '#istio/kinds.ts';
import { ISTIO_CONFORMANCE_FOLDER } from '../../../test/fakes/conformance-data.ts';
import { validate } from './validate.ts';

const FOLDER = ISTIO_CONFORMANCE_FOLDER;
const MISSING = `no conformance data at ${FOLDER}`;

type Case = {
  readonly id: string;
  readonly expect: 'accept' | 'reject';
  readonly webhook_warning: string | null;
  readonly obj: KubeObject;
};

type Answer = {
  /** Empty: accepted. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
};

function readCases(expectation: 'accept' | 'reject'): readonly Case[] {
  return JSON.parse(readFileSync(join(FOLDER, `resources-${expectation}.json`), 'utf8'));
}

function ourKinds(): KindRegistry {
  const registry = new KindRegistry([]);
  for (const kind of [...KINDS, ...GATEWAY_API_KINDS]) {
    const definition = { ...customResourceDefinition(kind) };
    assert(isDefinition(definition));
    const { kind: compiled, violations } = compileDefinition(definition);
    assert.deepEqual(violations, [], definition.metadata.name);
    registry.install(compiled);
  }
  return registry;
}

const isDefinition = (object: object): object is KubeObject =>
  'apiVersion' in object && 'kind' in object && 'metadata' in object;

/** What kubectl would be told. A name, and a namespace where there is one, it has always. */
function ask(registry: KindRegistry, recorded: KubeObject): Answer {
  const [group = '', version = ''] = recorded.apiVersion.split('/');
  const served = registry.findByKind(group, version, recorded.kind);
  if (!served) return { problems: [`no matches for kind "${recorded.kind}"`], warnings: [] };
  const place = served.kind.isNamespaced ? { namespace: 'default' } : {};
  const metadata = { ...place, ...recorded.metadata };
  const object = { ...recorded, metadata: { ...metadata, name: metadata.name || 'unnamed' } };
  const { schema } = served.version;
  const { value, unknown } = pruneUnknown(schema, object);
  if (unknown.length > 0) {
    return { problems: unknown.map((field) => `unknown field "${field}"`), warnings: [] };
  }
  const structural = validateValue(schema, value);
  const wrong = structural.length > 0 ? structural : validateRules(schema, value);
  if (wrong.length > 0) return { problems: wrong.map((it) => renderViolation(it)), warnings: [] };
  const operation = 'CREATE';
  const verdict = validate({ uid: 'u', operation, namespace: 'default', name: 'x', object });
  if (!verdict.isAllowed) return { problems: [verdict.message], warnings: [] };
  return { problems: [], warnings: verdict.warnings ?? [] };
}

type Tally = { right: number; all: number };

/** `ServiceEntry accept 131/131, reject 30/32`, one line for each kind. */
function renderFigures(figures: ReadonlyMap<string, Record<'accept' | 'reject', Tally>>): string[] {
  return [...figures]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { accept, reject }]) => {
      const words = Object.entries({ accept, reject }).filter(([, { all }]) => all > 0);
      return `${name}: ${words.map(([word, { right, all }]) => `${word} ${right}/${all}`).join(', ')}`;
    });
}

test('what Istio accepts is accepted, and what it refuses is refused', (t) => {
  if (!existsSync(FOLDER)) return t.diagnostic(MISSING);
  const registry = ourKinds();
  const figures = new Map<string, Record<'accept' | 'reject', Tally>>();
  const total = { right: 0, all: 0 };
  const wrong: string[] = [];
  for (const { id, expect, obj } of [...readCases('accept'), ...readCases('reject')]) {
    const group = `${obj.kind}.${obj.apiVersion.split('/')[0] ?? ''}`;
    const figure = figures.get(group) ?? {
      accept: { right: 0, all: 0 },
      reject: { right: 0, all: 0 },
    };
    figures.set(group, figure);
    const { problems } = ask(registry, obj);
    const isRight = (problems.length === 0) === (expect === 'accept');
    for (const tally of [figure[expect], total]) {
      tally.all += 1;
      tally.right += isRight ? 1 : 0;
    }
    const isGap = RESOURCE_GAPS.some(({ what }) => what === id);
    if (isRight === isGap)
      wrong.push(`${id}: ${isGap ? 'listed, but right' : problems.join('; ')}`);
    // who is refused is told where to look
    const vague = problems.filter((it) => !/(spec|metadata|unknown field)/.test(it));
    assert.deepEqual(vague, [], id);
  }
  for (const line of renderFigures(figures)) t.diagnostic(line);
  t.diagnostic(`${total.right} of ${total.all} resources`);
  assert(total.all > 1000, `only ${total.all} cases`);
  assert.deepEqual(wrong, []);
});

/** The parts of one recorded text; ours name fields instead of kinds. */
function advice(text: string): readonly string[] {
  const [first = '', ...rest] = text.split('\n\t* ');
  const parts = rest.length > 0 ? rest : [first];
  return parts.map((part) => part.replace(/^(virtualService|service entry:|sidecar:) /, '').trim());
}

test('what Istio advises of an accepted resource, we advise in the same words', (t) => {
  if (!existsSync(FOLDER)) return t.diagnostic(MISSING);
  const registry = ourKinds();
  const wrong: string[] = [];
  let count = 0;
  for (const { id, obj, webhook_warning: text } of readCases('accept')) {
    const { problems, warnings } = ask(registry, obj);
    if (problems.length > 0) continue;
    const theirs = text === null ? [] : advice(text);
    count += theirs.length;
    const missing = theirs.filter((words) => !warnings.some((ours) => ours.endsWith(words)));
    const isGap = WARNING_GAPS.some(({ what }) => what === id);
    if (missing.length > 0 !== isGap) {
      wrong.push(`${id}: ${isGap ? 'listed, but given' : missing.join('; ')}`);
    }
  }
  t.diagnostic(`${count} pieces of advice`);
  assert.deepEqual(wrong, []);
});
