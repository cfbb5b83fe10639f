// Requests on resources: which operation each verb is, and how its outcome is told.
import type { UserInfo } from '../auth/user.ts';
import { resourceOf } from '../kinds/kind.ts';
import type { ServedKind } from '../kinds/kind.ts';
import type { Draft, JsonObject, KubeObject } from '../object.ts';
import { applyObject } from '../registry/apply.ts';
import { createObject } from '../registry/create.ts';
import { decodeObject } from '../registry/decode.ts';
import { booleanOption } from '../registry/list-options.ts';
import { APPLY_PATCH, patchObject } from '../registry/patch.ts';
import { getObject, listObjects } from '../registry/read.ts';
import { deleteObject } from '../registry/remove.ts';
import { getScale, patchScale, replaceScale } from '../registry/scale.ts';
import type { Backend, Scope, WriteOptions } from '../registry/scope.ts';
import type { Updated } from '../registry/update.ts';
import { replaceObject } from '../registry/update.ts';
import { badRequest, methodNotAllowed, misplacedResource, unknownResource } from '../status.ts';
import type { WatchHub } from '../watch/hub.ts';
import { mediaTypeOf, readBody, readJson, readYaml } from './body.ts';
import type { ApiRequest, ApiResponse } from './message.ts';
import { jsonResponse } from './message.ts';
import { deleteOptions, writeOptions } from './options.ts';
import { chooseRepresentation } from './representation.ts';
import type { Representation } from './representation.ts';
import type { ResourceInfo } from './request-info.ts';
import type { Review, SpecialContext, Subresource } from './special.ts';
import { watchResponse } from './watch-response.ts';

export type ResourceParts = {
  readonly backend: Backend;
  readonly hub: WatchHub;
  readonly reviews: readonly Review[];
  readonly subresources: readonly Subresource[];
};

type Context = SpecialContext & { readonly parts: ResourceParts };

/** @throws StatusError */
export async function handleResource(
  parts: ResourceParts,
  info: ResourceInfo,
  input: { readonly request: ApiRequest; readonly user: UserInfo },
): Promise<ApiResponse> {
  const warnings: string[] = [];
  const context: Context = {
    ...input,
    parts,
    info,
    backend: parts.backend,
    options: writeOptions(input.request),
    warn: (text) => warnings.push(text),
  };
  const response = await dispatch(context);
  if (warnings.length === 0) return response;
  const warning = warnings.map((text) => `299 - ${JSON.stringify(text)}`);
  return { ...response, headers: { ...response.headers, warning } };
}

function dispatch(context: Context): ApiResponse | Promise<ApiResponse> {
  const { parts, info } = context;
  const { group, version, resource } = info;
  const review = parts.reviews.find((one) => isServed(one, info));
  if (review) return answerReview(review, context);
  const served = parts.backend.kinds.find(group, version, resource);
  if (!served) throw unknownResource({ group, plural: resource });
  requirePlace(served, info);
  if (served.version.warning !== undefined) context.warn(served.version.warning);
  if (info.subresource === '') return onObjects(served, context);
  return onSubresource(served, context);
}

function isServed({ served }: Review, { group, version, resource }: ResourceInfo): boolean {
  const { kind } = served;
  return kind.group === group && served.version.name === version && kind.plural === resource;
}

function answerReview({ served, answer }: Review, context: Context): ApiResponse {
  const { info, request, options, warn } = context;
  if (info.verb !== 'create') throw methodNotAllowed();
  const question = decodeObject(served, readBody(request), { ...options, warn });
  const { apiVersion, kind } = question;
  return jsonResponse(201, { kind, apiVersion, ...answer(question, context) });
}

/** Cluster-scoped kinds have no namespace in their path, namespaced objects must have one. */
function requirePlace({ kind }: ServedKind, { namespace, name, verb }: ResourceInfo): void {
  const isOwnNamespace = kind.plural === 'namespaces' && kind.group === '';
  if (!kind.isNamespaced && namespace !== '' && !isOwnNamespace) throw misplacedResource();
  if (!kind.isNamespaced || namespace !== '') return;
  if (name !== '') throw misplacedResource();
  if (verb === 'create' || verb === 'deletecollection') throw methodNotAllowed();
}

function scopeOf(served: ServedKind, context: Context): Scope {
  const { backend, info, user, options, warn } = context;
  const { subresource } = info;
  const namespace = served.kind.isNamespaced ? info.namespace : '';
  return { backend, served, namespace, subresource, user, options, warn };
}

function representationFor({ served, backend }: Scope, { request }: Context): Representation {
  return chooseRepresentation(served, {
    accept: request.headers['accept'],
    include: request.query.get('includeObject'),
    nowMs: backend.clock.nowMs(),
  });
}

function onObjects(served: ServedKind, context: Context): ApiResponse | Promise<ApiResponse> {
  const { info, request, parts } = context;
  const scope = scopeOf(served, context);
  const representation = representationFor(scope, context);
  switch (info.verb) {
    case 'get':
      return jsonResponse(200, representation.object(getObject(scope, info.name)));
    case 'list':
      return jsonResponse(200, representation.list(listObjects(scope, request.query)));
    case 'watch':
      return watchResponse({ ...watchTarget(scope, context), hub: parts.hub, representation });
    case 'create':
      if (info.name !== '') throw methodNotAllowed();
      return create(scope, context);
    case 'update':
      if (info.name === '') throw methodNotAllowed();
      return replace(scope, context);
    case 'patch':
      if (info.name === '') throw methodNotAllowed();
      return patch(scope, context);
    case 'delete':
      return remove(scope, context);
    case 'deletecollection':
      return removeAll(scope, context);
    default:
      throw methodNotAllowed();
  }
}

/** `GET …/name?watch=true` is an old form of a watch on that name. */
function watchTarget(scope: Scope, { info, request }: Context) {
  if (info.name === '') return { scope, query: request.query };
  const query = new URLSearchParams(request.query);
  query.set('fieldSelector', `metadata.name=${info.name}`);
  return { scope, query };
}

function decodeBody({ served }: Scope, { options, warn, request }: Context): Draft {
  return decodeObject(served, readBody(request), { ...options, warn });
}

async function create(scope: Scope, context: Context): Promise<ApiResponse> {
  const draft = decodeBody(scope, context);
  return answer(scope, context, { code: 201, object: await createObject(scope, draft) });
}

async function replace(scope: Scope, context: Context): Promise<ApiResponse> {
  const draft = decodeBody(scope, context);
  if (draft.metadata.name === '') throw badRequest('name must be provided');
  return updated(scope, context, await replaceObject(scope, context.info.name, draft));
}

async function patch(scope: Scope, context: Context): Promise<ApiResponse> {
  const { request, info } = context;
  const mediaType = mediaTypeOf(request);
  if (mediaType === APPLY_PATCH) return apply(scope, context);
  const body = readJson(request.body);
  return updated(scope, context, await patchObject(scope, info.name, { mediaType, body }));
}

async function apply(scope: Scope, context: Context): Promise<ApiResponse> {
  const { request, info } = context;
  const { object, isCreated } = await applyObject(scope, info.name, {
    body: readYaml(request.body),
    fieldManager: request.query.get('fieldManager') ?? '',
    isForced: booleanOption(request.query, 'force') === true,
  });
  return answer(scope, context, { code: isCreated ? 201 : 200, object });
}

function updated(scope: Scope, context: Context, { object }: Updated): ApiResponse {
  return answer(scope, context, { code: 200, object });
}

function answer(
  scope: Scope,
  context: Context,
  { code, object }: { readonly code: number; readonly object: KubeObject },
): ApiResponse {
  const representation = representationFor(scope, context);
  return jsonResponse(code, representation.object(object));
}

function readDeleteOptions({ request }: Context) {
  const body = request.body.length === 0 ? null : readBody(request);
  return deleteOptions(request.query, body);
}

async function remove(scope: Scope, context: Context): Promise<ApiResponse> {
  const { isDryRun, ...options } = readDeleteOptions(context);
  const within = withDryRun(scope, isDryRun);
  const { object, isGone } = await deleteObject(within, context.info.name, options);
  const { kind } = scope.served;
  if (!isGone || kind.behaviour.returnsDeleted) {
    return answer(scope, context, { code: 200, object });
  }
  return jsonResponse(200, deletedStatus(scope, object));
}

function deletedStatus({ served }: Scope, { metadata }: KubeObject): JsonObject {
  const { group, plural } = served.kind;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: metadata.name,
      ...(group !== '' && { group }),
      kind: plural,
      ...(metadata.uid !== undefined && { uid: metadata.uid }),
    },
  };
}

async function removeAll(scope: Scope, context: Context): Promise<ApiResponse> {
  const { isDryRun, ...options } = readDeleteOptions(context);
  const within = withDryRun(scope, isDryRun);
  const listed = listObjects(scope, context.request.query);
  for (const { metadata } of listed.items) await deleteObject(within, metadata.name, options);
  const representation = representationFor(scope, context);
  return jsonResponse(200, representation.list(listed));
}

function withDryRun(scope: Scope, isDryRun: boolean): Scope {
  const options: WriteOptions = {
    ...scope.options,
    isDryRun: scope.options.isDryRun || isDryRun,
  };
  return { ...scope, options };
}

function onSubresource(served: ServedKind, context: Context): ApiResponse | Promise<ApiResponse> {
  const { info, parts, request } = context;
  const parent = resourceOf(served.kind);
  const special = parts.subresources.find(
    (one) => one.parent === parent && one.name === info.subresource,
  );
  if (special) {
    if (!special.verbs.includes(info.verb)) throw methodNotAllowed();
    return special.handle(context, () => readBody(request));
  }
  const isNamespaceFinalize = parent === 'namespaces' && info.subresource === 'finalize';
  const isStatus = info.subresource === 'status' && served.version.hasStatus;
  const isScale = info.subresource === 'scale' && served.version.scale !== undefined;
  if (!isStatus && !isNamespaceFinalize && !isScale) {
    throw unknownResource(served.kind, info.subresource);
  }
  const scope = scopeOf(served, context);
  if (isScale) return onScale(scope, context);
  switch (info.verb) {
    case 'get':
      return answer(scope, context, { code: 200, object: getObject(scope, info.name) });
    case 'update':
      return replace(scope, context);
    case 'patch':
      return patch(scope, context);
    default:
      throw methodNotAllowed();
  }
}

async function onScale(scope: Scope, context: Context): Promise<ApiResponse> {
  const { info, request } = context;
  switch (info.verb) {
    case 'get':
      return jsonResponse(200, getScale(scope, info.name));
    case 'update':
      return jsonResponse(200, await replaceScale(scope, info.name, readBody(request)));
    case 'patch': {
      const patch = { mediaType: mediaTypeOf(request), body: readJson(request.body) };
      return jsonResponse(200, await patchScale(scope, info.name, patch));
    }
    default:
      throw methodNotAllowed();
  }
}
