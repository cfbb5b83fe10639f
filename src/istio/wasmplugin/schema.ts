// extensions.istio.io WasmPlugin: the single source of the kind, and of what TrafficExtension has
// in common with it.
import { WASM_PLUGIN } from '#kube/resources.ts';
import type { Kind } from '../kind.ts';
import { AGE, istioStatus, workloadSelector } from '../kind-parts.ts';
import { ONE_TARGET, targetRef } from '../policy-target.ts';
import { object } from '../schema/object-schema.ts';
import { anything, int32, integer, list, nullable, string, word } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';

const SCHEMES = new Set(['', 'http', 'https', 'file', 'oci']);

/** As Go's url.ParseRequestURI sees it; what is no URL is a host with a path. */
function hasKnownScheme(text: string): boolean {
  if (/[\s\p{Cc}]/u.test(text)) return false;
  const [, scheme = text.startsWith('/') ? '' : 'http'] =
    /^([a-z][a-z0-9+.-]*):\//i.exec(text) ?? [];
  return SCHEMES.has(scheme.toLowerCase());
}

/** @param schemes in the order in which Istio's two kinds name them */
const url = (schemes: string) =>
  string({
    lengthMin: 1,
    rules: [
      {
        cel: `isURL(self) ? (url(self).getScheme() in [${schemes}]) : (isURL("http://" + self) &&\nurl("http://" + self).getScheme() in [${schemes}])`,
        message: 'url must have schema one of [http, https, file, oci]',
        holds: hasKnownScheme,
      },
    ],
  });

const variable = object(
  {
    name: string({ lengthMin: 1, lengthMax: 256 }),
    valueFrom: word(['INLINE', 'HOST']),
    value: string({ lengthMax: 2048 }),
  },
  {
    required: ['name'],
    rules: [
      {
        cel: '(has(self.valueFrom) ? self.valueFrom : "") != "HOST" || !has(self.value)',
        message: 'value may only be set when valueFrom is INLINE',
        holds: ({ valueFrom, value }) => valueFrom !== 'HOST' || value === undefined,
      },
    ],
  },
);

/** The fields of a plugin, which TrafficExtension has one level deeper. */
export const wasmFields = (schemes: string) => ({
  url: url(schemes),
  sha256: string({ pattern: /(^$|^[a-f0-9]{64}$)/ }),
  imagePullPolicy: word(['UNSPECIFIED_POLICY', 'IfNotPresent', 'Always']),
  imagePullSecret: string({ lengthMin: 1, lengthMax: 253 }),
  verificationKey: string(),
  pluginConfig: anything(),
  pluginName: string({ lengthMin: 1, lengthMax: 256 }),
  failStrategy: word(['FAIL_CLOSE', 'FAIL_OPEN', 'FAIL_RELOAD']),
  vmConfig: object({ env: list(variable, { itemsMax: 256, keyField: 'name' }) }),
  type: word(['UNSPECIFIED_PLUGIN_TYPE', 'HTTP', 'NETWORK']),
});

const portNumber = object({ number: integer({ min: 1, max: 65_535 }) }, { required: ['number'] });

/** Which traffic an extension is for. */
export const trafficMatch = () =>
  list(
    object({
      mode: word(['UNDEFINED', 'CLIENT', 'SERVER', 'CLIENT_AND_SERVER']),
      ports: list(portNumber, { keyField: 'number' }),
    }),
  );

export const wasmPluginSpec = object(
  {
    selector: workloadSelector(),
    targetRef,
    targetRefs: list(targetRef, { itemsMax: 16 }),
    ...wasmFields('"", "http", "https", "oci", "file"'),
    phase: word(['UNSPECIFIED_PHASE', 'AUTHN', 'AUTHZ', 'STATS']),
    priority: nullable(int32()),
    match: trafficMatch(),
  },
  { required: ['url'], rules: [ONE_TARGET] },
);

export type WasmPluginSpec = Static<typeof wasmPluginSpec>;

export const wasmPluginKind: Kind<WasmPluginSpec> = {
  type: WASM_PLUGIN,
  singular: 'wasmplugin',
  shortNames: [],
  categories: ['istio-io', 'extensions-istio-io'],
  versions: ['v1alpha1'],
  columns: [AGE],
  spec: wasmPluginSpec,
  isSpecRequired: true,
  status: istioStatus(),
};
