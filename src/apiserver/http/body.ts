// Reading a request's body: its media type, its size, its depth, its words.
import { parse as parseYaml } from 'yaml';
import type { Json } from '../object.ts';
import { isJsonList, isJsonObject } from '../object.ts';
import { badRequest, tooLarge, unsupportedMediaType } from '../status.ts';
import { readKubernetesProtobuf } from '../wire/kubernetes-protobuf.ts';
import { ProtobufError } from '../wire/protobuf-reader.ts';
import type { ApiRequest } from './message.ts';

/** As Kubernetes: a little above what etcd takes for one object. */
export const BODY_BYTES_MAX = 3 * 1024 * 1024;
/** Deeper than any schema; shallow enough for every recursive walk. */
const DEPTH_MAX = 200;
/** Aliases in YAML can multiply: few are needed. */
const YAML_ALIASES_MAX = 50;

export const JSON_TYPE = 'application/json';
export const YAML_TYPE = 'application/yaml';
export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';

/** The media type of the body, in lower case and without parameters. */
export function mediaTypeOf({ headers }: ApiRequest): string {
  const [type = ''] = (headers['content-type'] ?? '').split(';');
  return type.trim().toLowerCase();
}

/** @throws StatusError when the body is too large, of no known type, or not of that type */
export function readBody(request: ApiRequest): Json {
  const type = mediaTypeOf(request);
  switch (type) {
    case '':
    case JSON_TYPE:
      return readJson(request.body);
    case YAML_TYPE:
      return readYaml(request.body);
    case PROTOBUF_TYPE:
      return readProtobuf(request.body);
    default:
      throw unsupportedMediaType([JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE]);
  }
}

export function readJson(body: Uint8Array): Json {
  return checked(parseJsonText(textOf(body)));
}

function parseJsonText(text: string): Json {
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw badRequest(`the body is not JSON: ${why}`);
  }
}

/** JSON is YAML as well, so this reads both. */
export function readYaml(body: Uint8Array): Json {
  return checked(parseYamlText(textOf(body)));
}

function parseYamlText(text: string): Json {
  try {
    const options = { maxAliasCount: YAML_ALIASES_MAX, schema: 'core', logLevel: 'error' } as const;
    const value: Json | undefined = parseYaml(text, options);
    return value ?? null;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw badRequest(`the body is not YAML: ${why}`);
  }
}

function readProtobuf(body: Uint8Array): Json {
  if (body.length > BODY_BYTES_MAX) throw tooLarge(BODY_BYTES_MAX);
  try {
    return checked(readKubernetesProtobuf(body));
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    throw badRequest(`the body is not Kubernetes protobuf: ${error.message}`);
  }
}

function textOf(body: Uint8Array): string {
  if (body.length > BODY_BYTES_MAX) throw tooLarge(BODY_BYTES_MAX);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw badRequest('the body is not UTF-8');
  }
}

/** Neither too deep nor with a field that JavaScript would take for an object's prototype. */
function checked(value: Json): Json {
  let level: readonly Json[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > DEPTH_MAX)
      throw badRequest(`the body is nested more than ${DEPTH_MAX} levels deep`);
    level = level.flatMap((node) => childrenOf(node));
  }
  return value;
}

function childrenOf(node: Json): readonly Json[] {
  if (isJsonList(node)) return node;
  if (!isJsonObject(node)) return [];
  if (Object.hasOwn(node, '__proto__')) throw badRequest('no field may be named __proto__');
  return Object.values(node).filter((child) => child !== undefined);
}
