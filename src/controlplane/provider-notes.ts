// What is wrong with the providers that Telemetries name: MeshConfig has none of that name, or one
// that takes no such thing. Nothing is told then, and nobody would know why.
import { parseMeshConfig } from '#istio/meshconfig/mesh-config.ts';
import type { ExtensionProvider } from '#istio/meshconfig/extension-providers.ts';
import { parseTelemetry } from '#istio/telemetry/telemetry.ts';
import { objectKey, type KubeObject } from '#kube/objects.ts';

type Kind = ExtensionProvider['kind'];

/** There without being defined, for access logs. */
const BUILT_IN = 'envoy';
const TAKES_LOGS: ReadonlySet<Kind> = new Set(['file-log', 'otlp-log']);
const TAKES_SPANS: ReadonlySet<Kind> = new Set(['tracer']);

export class ProviderNotes {
  #kinds: ReadonlyMap<string, Kind> = new Map();
  /** Those that name providers, by `namespace/name`. */
  readonly #telemetries = new Map<string, KubeObject>();

  /** @returns the Telemetries of which there may be something else to say now */
  setMeshConfig(configMap: KubeObject | undefined): readonly KubeObject[] {
    const parsed = configMap && parseMeshConfig(configMap);
    if (parsed?.ok === false) return []; // what was before stays in force
    const providers = parsed?.value.extensionProviders ?? [];
    this.#kinds = new Map(providers.map(({ name, kind }) => [name, kind]));
    return [...this.#telemetries.values()];
  }

  forget(telemetry: Pick<KubeObject, 'metadata'>): void {
    this.#telemetries.delete(objectKey(telemetry.metadata));
  }

  notesOn(telemetry: KubeObject): readonly string[] {
    const key = objectKey(telemetry.metadata);
    const parsed = parseTelemetry(telemetry);
    const named = parsed.ok ? namesIn(parsed.value) : [];
    if (named.length === 0) this.#telemetries.delete(key);
    else this.#telemetries.set(key, telemetry);
    return named.flatMap(({ field, name, takes }) => {
      const kind = this.#kinds.get(name) ?? (name === BUILT_IN ? 'file-log' : undefined);
      if (kind === undefined) return [`${field}: extensionProviders has no ${name}`];
      return takes.has(kind) ? [] : [`${field}: ${name} takes ${describe(takes)} not, or not here`];
    });
  }
}

const describe = (takes: ReadonlySet<Kind>): string =>
  takes === TAKES_LOGS ? 'access logs' : 'spans';

type Named = { readonly field: string; readonly name: string; readonly takes: ReadonlySet<Kind> };

type Parsed = Extract<ReturnType<typeof parseTelemetry>, { ok: true }>['value'];

/** Of traces only the first provider counts. */
function namesIn({ accessLogging, tracing }: Parsed): readonly Named[] {
  const of = (
    list: 'accessLogging' | 'tracing',
    entries: readonly { readonly providers: readonly string[] }[],
    takes: ReadonlySet<Kind>,
  ): readonly Named[] =>
    entries.flatMap(({ providers }, index) =>
      (takes === TAKES_SPANS ? providers.slice(0, 1) : providers).map((name, position) => ({
        field: `spec.${list}[${index}].providers[${position}]`,
        name,
        takes,
      })),
    );
  return [
    ...of('accessLogging', accessLogging, TAKES_LOGS),
    ...of('tracing', tracing, TAKES_SPANS),
  ];
}
