// OpenAPI v3: one document for each group version, made when it is first asked for.
import { createHash } from 'node:crypto';
import { apiVersionOf } from '../kinds/kind.ts';
import type { KindVersion, Kind } from '../kinds/kind.ts';
import type { JsonObject } from '../object.ts';
import { inPlace } from '../schema/to-openapi.ts';
import type { Components } from '../schema/to-openapi.ts';
import type { DiscoverySources } from './discovery.ts';
import type { ApiRequest, ApiResponse } from './message.ts';
import { jsonResponse, textResponse } from './message.ts';

const ROOT = '/openapi/v3';

type Versioned = { readonly kind: Kind; readonly version: KindVersion };

type Document = {
  /** What it was made from: made anew only when this changed. */
  readonly kinds: readonly Versioned[];
  readonly text: string;
  readonly hash: string;
};

export class OpenApiDocuments {
  readonly #sources: DiscoverySources;
  readonly #made = new Map<string, Document>();

  constructor(sources: DiscoverySources) {
    this.#sources = sources;
  }

  /** Paths of all documents, `apis/apps/v1`. */
  paths(): readonly string[] {
    return [...this.#kindsByPath().keys()];
  }

  get(path: string): Document | undefined {
    const kinds = this.#kindsByPath().get(path);
    if (!kinds) return undefined;
    const known = this.#made.get(path);
    if (known && isSameList(known.kinds, kinds)) return known;
    const text = JSON.stringify(renderDocument(kinds));
    const hash = createHash('sha256').update(text).digest('hex').toUpperCase();
    const fresh = { kinds, text, hash };
    this.#made.set(path, fresh);
    return fresh;
  }

  #kindsByPath(): ReadonlyMap<string, readonly Versioned[]> {
    const stored = this.#sources.kinds
      .all()
      .flatMap((kind) => kind.versions.map((version) => ({ kind, version })));
    const reviews = this.#sources.reviews.map(({ served }) => served);
    return Map.groupBy([...stored, ...reviews], ({ kind, version }) =>
      documentPath(kind.group, version.name),
    );
  }
}

function isSameList(a: readonly Versioned[], b: readonly Versioned[]): boolean {
  return a.length === b.length && a.every((one, index) => one.version === b[index]?.version);
}

function documentPath(group: string, version: string): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

/**
 * kubectl asks for version 2 about kinds that version 3 does not have, in protobuf, and gives up
 * without an answer. This is a document that knows no kind: `swagger: "2.0"` and a title.
 */
const EMPTY_V2: ApiResponse = {
  kind: 'whole',
  status: 200,
  headers: { 'content-type': 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf' },
  body: Buffer.concat([
    Buffer.from([0x0a, 0x03]),
    Buffer.from('2.0'),
    Buffer.from([0x12, 0x0d, 0x0a, 0x07]),
    Buffer.from('Isthmus'),
    Buffer.from([0x12, 0x02]),
    Buffer.from('v1'),
    Buffer.from([0x42, 0x00]),
  ]),
};

/** @returns undefined when the path is none of OpenAPI's */
export function openApiResponse(
  documents: OpenApiDocuments,
  { headers }: ApiRequest,
  path: string,
): ApiResponse | undefined {
  if (path === ROOT) return jsonResponse(200, renderIndex(documents));
  if (path === '/openapi/v2') return EMPTY_V2;
  if (!path.startsWith(`${ROOT}/`)) return undefined;
  const document = documents.get(path.slice(ROOT.length + 1));
  if (!document) return textResponse(404, '404 page not found\n');
  const etag = `"${document.hash}"`;
  if (headers['if-none-match'] === etag) {
    return { kind: 'whole', status: 304, headers: { etag }, body: '' };
  }
  const cached = { etag, 'content-type': 'application/json', 'cache-control': 'public, immutable' };
  return { kind: 'whole', status: 200, headers: cached, body: document.text };
}

function renderIndex(documents: OpenApiDocuments): JsonObject {
  const paths = documents.paths().map((path) => {
    const hash = documents.get(path)?.hash ?? '';
    return [path, { serverRelativeURL: `${ROOT}/${path}?hash=${hash}` }];
  });
  return { paths: Object.fromEntries(paths) };
}

function renderDocument(kinds: readonly Versioned[]): JsonObject {
  const components: Components = new Map();
  for (const versioned of kinds) {
    components.set(schemaName(versioned), {
      ...inPlace(versioned.version.schema, components),
      'x-kubernetes-group-version-kind': [gvkOf(versioned)],
    });
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Isthmus', version: 'v1' },
    paths: Object.fromEntries(kinds.flatMap((versioned) => pathsOf(versioned))),
    components: { schemas: Object.fromEntries(components) },
  };
}

/** Built-in types have published names; a custom one gets its group backwards, as in Kubernetes. */
function schemaName({ kind, version }: Versioned): string {
  const { publicName } = version.schema;
  if (publicName !== undefined) return publicName;
  return [...kind.group.split('.').toReversed(), version.name, kind.kind].join('.');
}

function gvkOf({ kind, version }: Versioned): JsonObject {
  return { group: kind.group, version: version.name, kind: kind.kind };
}

/** Query parameters by which kubectl learns that the server itself checks fields. */
const WRITE_PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => ({
  name,
  in: 'query',
  schema: { type: 'string', uniqueItems: true },
}));

function pathsOf(versioned: Versioned): [string, JsonObject][] {
  const { kind, version } = versioned;
  const root = kind.group === '' ? '/api/' : '/apis/';
  const place = kind.isNamespaced ? '/namespaces/{namespace}' : '';
  const collection = `${root}${apiVersionOf(kind.group, version.name)}${place}/${kind.plural}`;
  const reference = { $ref: `#/components/schemas/${schemaName(versioned)}` };
  const content = { 'application/json': { schema: reference } };
  const operation = (action: string, parameters: readonly JsonObject[]): JsonObject => ({
    parameters,
    responses: { '200': { description: 'OK', content } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvkOf(versioned),
  });
  const body = { requestBody: { content } };
  return [
    [
      collection,
      {
        get: operation('list', []),
        post: { ...operation('post', WRITE_PARAMETERS), ...body },
      },
    ],
    [
      `${collection}/{name}`,
      {
        get: operation('get', []),
        put: { ...operation('put', WRITE_PARAMETERS), ...body },
        patch: operation('patch', WRITE_PARAMETERS),
        delete: operation('delete', []),
      },
    ],
  ];
}
