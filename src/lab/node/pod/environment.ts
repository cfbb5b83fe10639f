// A container's environment: what its Secrets, ConfigMaps, fields and values come to. Pure.
import { assertNever } from '#base/assert-never.ts';
import { expand, type Variables } from './expand.ts';
import { missingKey, missingObject, type ObjectLookup } from './objects.ts';
import { type PodPlace, selfValue } from './self.ts';
import type { ContainerSpec, EnvFrom, EnvVar, PodView } from './spec.ts';

export type EnvironmentInput = {
  readonly pod: PodView;
  readonly place: PodPlace;
  readonly container: ContainerSpec;
  readonly lookup: ObjectLookup;
  /** What is there before: the image's variables, then the node's. */
  readonly base: Variables;
};

export type Environment =
  | {
      readonly ok: true;
      readonly variables: Variables;
      /** Keys from envFrom that cannot be variables, each with its object. */
      readonly skipped: readonly string[];
    }
  /** In kubelet's words; the container cannot be made as long as this holds. */
  | { readonly ok: false; readonly problem: string };

export function resolveEnvironment(input: EnvironmentInput): Environment {
  const variables: Record<string, string> = { ...input.base };
  const skipped: string[] = [];
  for (const source of input.container.envFrom) {
    const result = importAll(source, input.lookup);
    if (typeof result === 'string') return { ok: false, problem: result };
    Object.assign(variables, result.variables);
    skipped.push(...result.skipped);
  }
  for (const variable of input.container.env) {
    const value = valueOf(variable, variables, input);
    if (!value.ok) return value;
    if (value.text !== undefined) variables[variable.name] = value.text;
  }
  return { ok: true, variables, skipped };
}

/** Any character but `=` may be in a name since Kubernetes 1.34; NUL cannot be for the kernel. */
const NAME = /^[\x20-<>-~]+$/;

function importAll(
  { kind, object, prefix, isOptional }: EnvFrom,
  lookup: ObjectLookup,
): string | { readonly variables: Variables; readonly skipped: readonly string[] } {
  const data = lookup(kind, object);
  if (!data) return isOptional ? { variables: {}, skipped: [] } : missingObject(kind, object);
  const named = [...data].map(([key, bytes]) => [`${prefix}${key}`, textOf(bytes)] as const);
  const isGood = ([name]: readonly [string, string]): boolean => NAME.test(name);
  return {
    variables: Object.fromEntries(named.filter(isGood)),
    skipped: named.filter((entry) => !isGood(entry)).map(([name]) => `${kind} ${object}: ${name}`),
  };
}

type Value =
  /** No text: an optional source that is not there; the variable is not set. */
  | { readonly ok: true; readonly text: string | undefined }
  | { readonly ok: false; readonly problem: string };

function valueOf(variable: EnvVar, before: Variables, input: EnvironmentInput): Value {
  if (!('from' in variable)) return { ok: true, text: expand(variable.value, before) };
  const { from } = variable;
  switch (from.kind) {
    case 'field':
    case 'resource':
      return selfValue(from, { pod: input.pod, place: input.place, own: input.container });
    case 'secret':
    case 'configmap': {
      const { kind, object, key, isOptional } = from;
      const data = input.lookup(kind, object);
      const bytes = data?.get(key);
      if (bytes) return { ok: true, text: textOf(bytes) };
      if (isOptional) return { ok: true, text: undefined };
      if (!data) return { ok: false, problem: missingObject(kind, object) };
      const { namespace } = input.pod;
      return { ok: false, problem: missingKey(kind, { namespace, name: object, key }) };
    }
    case 'unsupported':
      return { ok: false, problem: `${variable.name}: the lab node has no ${from.what}` };
    default:
      return assertNever(from);
  }
}

/** A NUL byte would end the variable early for the program: it ends it here, too, and visibly. */
const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString('utf8').split('\0')[0] ?? '';
