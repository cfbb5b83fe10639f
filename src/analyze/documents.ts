// Files of manifests: YAML (JSON is YAML) with any number of documents, Lists opened.
import { LineCounter, parseAllDocuments } from 'yaml';
import type { Document } from 'yaml';
import { isKubeObject, isRecord } from '#kube/objects.ts';
import { resourceOf } from './resource.ts';
import type { Origin, Path, Resource } from './resource.ts';

export type FileProblem = { readonly line: number; readonly problem: string };

export type ManifestFile = {
  readonly resources: readonly Resource[];
  readonly problems: readonly FileProblem[];
};

/** Against texts whose aliases explode. */
const ALIASES_MAX = 100;
/** More is no manifest that somebody wrote. */
const TEXT_LENGTH_MAX = 64 << 20;

/**
 * @param namespace of objects that name none; empty leaves them without. Cluster-wide kinds have
 *   none either way.
 */
export function readManifests(text: string, file: string, namespace: string): ManifestFile {
  if (text.length > TEXT_LENGTH_MAX) {
    return { resources: [], problems: [{ line: 1, problem: 'longer than 64 MiB' }] };
  }
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, logLevel: 'silent' });
  const resources: Resource[] = [];
  const problems: FileProblem[] = [];
  for (const document of Array.isArray(documents) ? documents : []) {
    const read = readDocument(document, { file, lines, namespace });
    resources.push(...read.resources);
    problems.push(...read.problems);
  }
  return { resources, problems };
}

type Source = { readonly file: string; readonly lines: LineCounter; readonly namespace: string };

function readDocument(document: Document.Parsed, source: Source): ManifestFile {
  const line = firstLine(document, source.lines);
  const bad = (problem: string): ManifestFile => ({ resources: [], problems: [{ line, problem }] });
  const [error] = document.errors;
  if (error !== undefined) return bad(error.message.split('\n')[0] ?? '');
  const value = plainValue(document);
  if (value === undefined) return bad('aliases without end');
  if (value === null) return { resources: [], problems: [] }; // nothing between two separators
  const objects = openList(value, []);
  const wrong = objects.filter(({ value }) => !isKubeObject(value) || !isTyped(value));
  const problems = wrong.map(() => ({
    line,
    problem: 'not an object with apiVersion, kind, name',
  }));
  const resources = objects.flatMap(({ value, path }) => {
    if (!isKubeObject(value) || !isTyped(value)) return [];
    const origin = originOf(document, source, { start: path, line });
    const resource = resourceOf(value, origin);
    return [isClusterWide(resource) ? { ...resource, namespace: '' } : placed(resource, source)];
  });
  return { resources, problems };
}

function plainValue(document: Document.Parsed): unknown {
  try {
    const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
    return value ?? null;
  } catch {
    return undefined; // the only way to fail: too many aliases
  }
}

type Listed = { readonly value: unknown; readonly path: Path };

/** `kind: List`, as `kubectl get -o yaml` prints; the objects in it count. */
function openList(value: unknown, path: Path): readonly Listed[] {
  const isList = isRecord(value) && typeof value['kind'] === 'string';
  if (!isList || !String(value['kind']).endsWith('List') || !Array.isArray(value['items'])) {
    return [{ value, path }];
  }
  const items: readonly unknown[] = value['items'];
  return items.map((item, index) => ({ value: item, path: [...path, 'items', index] }));
}

const isTyped = ({ apiVersion, kind }: { readonly apiVersion?: string; readonly kind?: string }) =>
  typeof apiVersion === 'string' && typeof kind === 'string';

const CLUSTER_WIDE = new Set([
  '/Namespace',
  '/Node',
  'admissionregistration.k8s.io/MutatingWebhookConfiguration',
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration',
  'apiextensions.k8s.io/CustomResourceDefinition',
  'authentication.istio.io/MeshPolicy',
  'gateway.networking.k8s.io/GatewayClass',
]);

const isClusterWide = ({ type }: Resource): boolean => CLUSTER_WIDE.has(type);

/** In the namespace that it would be applied to. */
function placed(resource: Resource, { namespace }: Source): Resource {
  if (resource.namespace !== '' || namespace === '') return resource;
  const { object } = resource;
  const metadata = { ...object.metadata, namespace };
  return { ...resource, namespace, object: { ...object, metadata } };
}

function originOf(
  document: Document.Parsed,
  { file, lines }: Source,
  { start, line }: { readonly start: Path; readonly line: number },
): Origin {
  const own = lineAt(document, lines, start) ?? line;
  return {
    file,
    lineOf: (path) => {
      if (file.endsWith('.json')) return undefined;
      return (path.length > 0 && lineAt(document, lines, [...start, ...path])) || own;
    },
  };
}

function lineAt(document: Document.Parsed, lines: LineCounter, path: Path): number | undefined {
  if (path.length === 0) return undefined;
  const node: unknown = document.getIn(path, true);
  const range: unknown = isRecord(node) ? node['range'] : undefined;
  const start: unknown = Array.isArray(range) ? range[0] : undefined;
  return typeof start === 'number' ? lines.linePos(start).line : undefined;
}

/** Of the content, not of the separator before it. */
function firstLine(document: Document.Parsed, lines: LineCounter): number {
  const start = document.contents?.range?.[0] ?? document.range[0];
  return lines.linePos(start).line;
}
