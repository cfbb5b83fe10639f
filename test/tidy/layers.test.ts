// Which folder may import which: the architecture's arrows, kept by a test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTest, sources } from './sources.ts';

/**
 * Folder under src/ → the folders it may import from besides itself. `gen` (Envoy's generated
 * types) counts as a folder. Nothing imports `lab`, `cli` or `sim`.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  api: [],
  base: [],
  kube: ['base'],
  istio: ['base', 'kube'],
  model: ['base', 'kube', 'istio'],
  analyze: ['base', 'kube', 'istio', 'model'],
  resolve: ['base', 'kube', 'istio', 'model', 'gen', 'xds'],
  grpc: ['base'],
  xds: ['base', 'grpc', 'gen'],
  ca: ['base', 'grpc', 'gen', 'kube'],
  dns: ['base'],
  controllers: ['base', 'kube'],
  apiserver: ['base', 'ca'], // of `ca` only how certificates are written
  telemetry: ['api', 'base', 'gen'],
  registry: ['api', 'base', 'kube', 'istio'],
  reach: ['api', 'base', 'kube', 'istio', 'model', 'resolve', 'gen', 'xds'],
  agent: ['base', 'grpc', 'gen', 'kube', 'dns', 'telemetry', 'ca', 'xds'],
  controlplane: [
    'api',
    'base',
    'kube',
    'istio',
    'model',
    'resolve',
    'grpc',
    'xds',
    'ca',
    'dns',
    'telemetry',
    'registry',
    'reach',
    'gen',
  ],
  lab: ['base', 'kube', 'ca'], // of `ca` only how certificates are written
  cli: [
    'api',
    'base',
    'kube',
    'istio',
    'model',
    'analyze',
    'resolve',
    'grpc',
    'xds',
    'ca',
    'apiserver',
    'controllers',
    'telemetry',
    'registry',
    'reach',
    'agent',
    'controlplane',
    'lab',
    'gen',
  ],
};

/** What decides is pure: these import nothing of Node but assertions and hashing. */
const PURE = [
  /^src\/(istio|model|analyze|resolve|reach)\//,
  /^src\/xds\/protocol/,
  /^src\/dns\/(zone|packet)/,
];
const PURE_MAY_IMPORT = new Set(['node:assert', 'node:assert/strict', 'node:crypto']);

type Import = { readonly from: string; readonly specifier: string; readonly isDynamic: boolean };

const imports: readonly Import[] = sources
  .filter(({ path }) => path.startsWith('src/'))
  .flatMap(({ path, text }) => [
    ...[...text.matchAll(/^(?:import|export)\b[^;'"]*?from\s+'([^']+)'/gms)].map((match) => ({
      from: path,
      specifier: match[1] ?? '',
      isDynamic: false,
    })),
    ...[...text.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g)].map((match) => ({
      from: path,
      specifier: match[1] ?? '',
      isDynamic: true,
    })),
  ]);

const folderOf = (path: string): string => path.split('/')[1] ?? '';

/** The folder under src/ that a specifier names; undefined for packages and for the own folder. */
function targetFolder({ from, specifier }: Import): string | undefined {
  if (specifier.startsWith('#')) return specifier.slice(1).split('/')[0];
  if (!specifier.startsWith('..')) return undefined;
  const resolved = new URL(specifier, `file:///${from}`).pathname.slice(1);
  return resolved.startsWith('src/') ? folderOf(resolved) : `outside src/: ${resolved}`;
}

test('the scan sees imports', () => {
  assert(imports.length > 50, `only ${imports.length} imports found`);
});

test('every folder is in the table', () => {
  const unknown = new Set(imports.map(({ from }) => folderOf(from)));
  for (const name of Object.keys(MAY_IMPORT)) unknown.delete(name);
  assert.deepEqual([...unknown], []);
});

test('imports follow the architecture', () => {
  const wrong = imports
    .filter(({ from }) => !isTest(from))
    .flatMap((entry) => {
      const target = targetFolder(entry);
      const folder = folderOf(entry.from);
      if (target === undefined || target === folder) return [];
      if (MAY_IMPORT[folder]?.includes(target)) return [];
      return [`${entry.from} imports ${entry.specifier}: ${folder} may not import ${target}`];
    });
  assert.deepEqual(wrong, []);
});

test('what decides is pure', () => {
  const wrong = imports
    .filter(({ from }) => !isTest(from) && PURE.some((pattern) => pattern.test(from)))
    .filter(({ specifier }) => specifier.startsWith('node:') && !PURE_MAY_IMPORT.has(specifier))
    .map(({ from, specifier }) => `${from} imports ${specifier}`);
  assert.deepEqual(wrong, []);
});

test('folders are imported by file, not through a barrel', () => {
  const barrels = sources.filter(({ path }) => /^src\/.*\/index\.ts$/.test(path));
  assert.deepEqual(
    barrels.map(({ path }) => path),
    [],
  );
});
