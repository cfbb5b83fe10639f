// What a route sets, adds and removes of a request's and a response's headers.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { HeaderValueOption_HeaderAppendAction } from '#gen/envoy/config/core/v3/base_pb.js';
import type { HeaderValueOptionSchema } from '#gen/envoy/config/core/v3/base_pb.js';
import type { Headers } from '#istio/virtualservice/http-schema.ts';

type HeaderValueOption = MessageInitShape<typeof HeaderValueOptionSchema>;
type Operations = NonNullable<Headers['request']>;

export type HeaderOperations = {
  readonly requestHeadersToAdd: HeaderValueOption[];
  readonly requestHeadersToRemove: string[];
  readonly responseHeadersToAdd: HeaderValueOption[];
  readonly responseHeadersToRemove: string[];
};

/** Several blocks of operations, one after the other. */
export function headerOperations(blocks: readonly (Headers | undefined)[]): HeaderOperations {
  const request = blocks.flatMap((block) => block?.request ?? []);
  const response = blocks.flatMap((block) => block?.response ?? []);
  return {
    requestHeadersToAdd: request.flatMap(toAdd),
    requestHeadersToRemove: request.flatMap(toRemove),
    responseHeadersToAdd: response.flatMap(toAdd),
    responseHeadersToRemove: response.flatMap(toRemove),
  };
}

/** The host that requests are to carry, if the operations say so: `set` before `add`. */
export function authorityOf(headers: Headers | undefined): string | undefined {
  const { set = {}, add = {} } = headers?.request ?? {};
  return Object.entries({ ...add, ...set })
    .filter(([name]) => isAuthority(name))
    .map(([, value]) => value)
    .at(-1);
}

const isAuthority = (name: string): boolean => /^(:authority|host)$/i.test(name);
/** Envoy does not let itself be told these as headers. */
const isInternal = (name: string): boolean => name.startsWith(':') || isAuthority(name);

function toAdd({ set = {}, add = {} }: Operations): HeaderValueOption[] {
  const { OVERWRITE_IF_EXISTS_OR_ADD, APPEND_IF_EXISTS_OR_ADD } =
    HeaderValueOption_HeaderAppendAction;
  return [...options(set, OVERWRITE_IF_EXISTS_OR_ADD), ...options(add, APPEND_IF_EXISTS_OR_ADD)];
}

function options(
  headers: Readonly<Record<string, string>>,
  appendAction: HeaderValueOption_HeaderAppendAction,
): HeaderValueOption[] {
  return Object.entries(headers)
    .filter(([name]) => !isInternal(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ({ header: { key, value }, appendAction }));
}

const toRemove = ({ remove = [] }: Operations): string[] =>
  remove.filter((name) => !isInternal(name));
