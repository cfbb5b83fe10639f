// Istio's own word on sets of resources: what `istioctl analyze` finds in them. The data is not part
// of this repository; without it the test says so and passes.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { ISTIO_CONFORMANCE_FOLDER } from '../../test/fakes/conformance-data.ts';
import { analyze } from './analyze.ts';
import type { Analyzer } from './analyzer.ts';
import { ANALYZERS } from './analyzers.ts';
import { ANALYSIS_GAPS, WORDING_GAPS } from './conformance-gaps.ts';
import { defaultResources } from './default-resources.ts';
import { readManifests } from './documents.ts';
import { meshNetworksResource, meshSettingsOf } from './mesh-settings.ts';
import { friendlyName, renderMessage } from './message.ts';
import type { Message } from './message.ts';
import { Snapshot } from './snapshot.ts';

const FOLDER = join(ISTIO_CONFORMANCE_FOLDER, 'analyze');

type Said = { readonly code: string; readonly origin: string; readonly text: string };

type Case = {
  readonly id: string;
  readonly files: Readonly<Record<string, string>>;
  readonly input_order: readonly string[];
  readonly mesh_config?: string;
  readonly mesh_networks?: string;
  readonly analyzer: string;
  readonly expected: readonly Omit<Said, 'text'>[];
  readonly all_analyzers: readonly Said[];
};

function readCases(): readonly Case[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  return names.toSorted().map((name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')));
}

function analyzeCase(
  { files, input_order, mesh_config, mesh_networks }: Case,
  analyzers: readonly Analyzer[],
): readonly Message[] {
  const resources = input_order.flatMap(
    (name) => readManifests(files[name] ?? '', name, '').resources,
  );
  const networks = mesh_networks === undefined ? [] : [meshNetworksResource(parse(mesh_networks))];
  const config: unknown = parse(mesh_config ?? '');
  const all = [...defaultResources(config), ...resources, ...networks];
  return analyze(new Snapshot(all, meshSettingsOf(config)), analyzers);
}

/** Every message of the first that the second lack, with how often; as `word: message`. */
function surplus(word: string, items: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return items.flatMap((item) => {
    const index = left.indexOf(item);
    if (index < 0) return [`${word}: ${item}`];
    left.splice(index, 1);
    return [];
  });
}

function differences(wanted: readonly string[], found: readonly string[]): readonly string[] {
  return [...surplus('missing', wanted, found), ...surplus('too much', found, wanted)];
}

test('sets of resources that Istio has analyzed', (t) => {
  if (!existsSync(FOLDER)) return t.diagnostic(`no conformance data at ${FOLDER}`);
  const cases = readCases();
  const wrong: string[] = [];
  for (const one of cases) {
    const analyzers = ANALYZERS.filter(({ name }) => name === one.analyzer);
    assert(analyzers.length > 0, `no analyzer ${one.analyzer}`);
    const problems = differences(
      one.expected.map(({ code, origin }) => `${code} ${origin}`),
      analyzeCase(one, analyzers).map(
        ({ code, place }) => `${code} ${friendlyName(place.resource)}`,
      ),
    );
    const isGap = ANALYSIS_GAPS.some(({ what }) => what === one.id);
    if (problems.length > 0 !== isGap) {
      wrong.push(`${one.id}: ${isGap ? 'listed, but it passes' : problems.join('; ')}`);
    }
  }
  assert(cases.length > 50, `only ${cases.length} cases`);
  t.diagnostic(`${cases.length - ANALYSIS_GAPS.length} of ${cases.length} cases`);
  assert.deepEqual(wrong, []);
});

/** Istio's wording of violations and advice is its own; ours names fields. */
const OWN_WORDS = new Set(['IST0106', 'IST0133']);

const withoutLine = (text: string): string => text.replace(/:\d+\)/, ')');

test('all analyzers together say what all of Istio say, word for word', (t) => {
  if (!existsSync(FOLDER)) return t.diagnostic(`no conformance data at ${FOLDER}`);
  const wrong: string[] = [];
  let count = 0;
  for (const one of readCases()) {
    const theirs = one.all_analyzers.filter(({ code }) => !OWN_WORDS.has(code));
    const ours = analyzeCase(one, ANALYZERS).filter(
      ({ code }) => code.startsWith('IST') && !OWN_WORDS.has(code),
    );
    count += theirs.length;
    const found = differences(
      [...new Set(theirs.map(({ text }) => withoutLine(text)))],
      [...new Set(ours.map((message) => withoutLine(renderMessage(message))))],
    );
    const isRandom = WORDING_GAPS.some(({ what }) => what === one.id);
    if (isRandom) assert.notDeepEqual(found, [], `${one.id}: listed, but it is equal`);
    else wrong.push(...found.map((text) => `${one.id}: ${text}`));
  }
  t.diagnostic(`${count} messages`);
  assert.deepEqual(wrong, []);
});
