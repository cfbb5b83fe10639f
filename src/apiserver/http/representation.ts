// The forms in which an answer may show objects; the client's `Accept` header chooses.
import type { Kind, ServedKind } from '../kinds/kind.ts';
import { apiVersionOf } from '../kinds/kind.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import { without } from '../object.ts';
import type { Listed } from '../registry/read.ts';
import { notAcceptable } from '../status.ts';
import { columnsOf, partialMetadata, renderRow, renderTable } from '../table/table.ts';
import type { IncludeObject } from '../table/table.ts';

export type Representation = {
  readonly object: (object: KubeObject) => JsonObject;
  readonly list: (listed: Listed) => JsonObject;
  /** The object of a watch event. `isFirst`: nothing was sent before on this watch. */
  readonly event: (object: KubeObject, isFirst: boolean) => JsonObject;
};

/** Objects as they are. */
export function plainRepresentation({ kind, version }: ServedKind): Representation {
  return {
    object: (object) => object,
    event: (object) => object,
    list: (listed) => ({
      kind: kind.listKind,
      apiVersion: apiVersionOf(kind.group, version.name),
      metadata: listMetadata(listed),
      items: listed.items.map((item) => listItem(kind, item)),
    }),
  };
}

export function listMetadata(listed: Listed): JsonObject {
  return {
    resourceVersion: String(listed.revision),
    ...(listed.continue !== undefined && { continue: listed.continue }),
    ...(listed.remaining !== undefined && { remainingItemCount: listed.remaining }),
  };
}

/** The items of built-in lists do not repeat their type. */
function listItem(kind: Kind, item: KubeObject): JsonObject {
  return kind.isCustom ? item : without(item, 'kind', 'apiVersion');
}

/** One entry of an Accept header: a media type and its parameters. */
export type MediaRange = {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
};

/** An Accept header's entries in the client's order; quality values are not used by clients here. */
export function parseAccept(header: string | undefined): readonly MediaRange[] {
  const text = header === undefined || header.trim() === '' ? '*/*' : header;
  return text.split(',').map((entry) => {
    const [type = '', ...parameters] = entry.split(';').map((part) => part.trim());
    const pairs = parameters.map((parameter) => {
      const [name = '', value = ''] = parameter.split('=');
      return [name.toLowerCase(), value] as const;
    });
    return { type: type.toLowerCase(), parameters: Object.fromEntries(pairs) };
  });
}

const JSON_TYPES: ReadonlySet<string> = new Set(['application/json', 'application/*', '*/*']);

export function acceptsJson({ type }: MediaRange): boolean {
  return JSON_TYPES.has(type);
}

export type RepresentationOptions = {
  /** The `Accept` header. */
  readonly accept: string | undefined;
  /** `includeObject` of the query. */
  readonly include: string | null;
  readonly nowMs: number;
};

const META_GROUP = 'meta.k8s.io';

/** @throws StatusError NotAcceptable when the client takes no form that there is */
export function chooseRepresentation(
  served: ServedKind,
  options: RepresentationOptions,
): Representation {
  for (const range of parseAccept(options.accept)) {
    if (!acceptsJson(range)) continue;
    const { as, g: group } = range.parameters;
    if (as === undefined) return plainRepresentation(served);
    if (group !== META_GROUP) continue;
    if (as === 'Table') return tableRepresentation(served, options);
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') {
      return metadataRepresentation();
    }
  }
  throw notAcceptable(['application/json', 'application/json;as=Table;g=meta.k8s.io;v=v1']);
}

/** Rows of cells, as `kubectl get` prints them. */
function tableRepresentation(served: ServedKind, options: RepresentationOptions): Representation {
  const columns = columnsOf(served);
  const include = INCLUDES.find((one) => one === options.include) ?? 'Metadata';
  const row = (object: KubeObject) => renderRow(columns, object, { ...options, include });
  const single = (object: KubeObject, definitions: typeof columns | undefined) => {
    const { resourceVersion = '' } = object.metadata;
    return renderTable(definitions, [row(object)], { resourceVersion });
  };
  return {
    object: (object) => single(object, columns),
    list: (listed) => renderTable(columns, listed.items.map(row), listMetadata(listed)),
    event: (object, isFirst) => single(object, isFirst ? columns : undefined),
  };
}

const INCLUDES: readonly IncludeObject[] = ['Metadata', 'Object', 'None'];

/** Objects without anything but their metadata. */
function metadataRepresentation(): Representation {
  return {
    object: partialMetadata,
    event: partialMetadata,
    list: (listed) => ({
      kind: 'PartialObjectMetadataList',
      apiVersion: `${META_GROUP}/v1`,
      metadata: listMetadata(listed),
      items: listed.items.map(partialMetadata),
    }),
  };
}
