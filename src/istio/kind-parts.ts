// Pieces of schema that several kinds share, each said once.
import { isRecord } from '#kube/objects.ts';
import { durationMs } from './duration.ts';
import type { PrinterColumn } from './kind.ts';
import type { Reading } from './schema/reading.ts';
import { list, integer, map, string, word } from './schema/schema.ts';
import type { OpenApiSchema } from './schema/schema.ts';
import { object, openObject } from './schema/object-schema.ts';

export const AGE: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
};

/** Largest number of protobuf's uint32, the type of Istio's ports and weights. */
const UINT32_MAX = 4_294_967_295;

export const uint32 = () => integer({ min: 0, max: UINT32_MAX });

export const port = () =>
  integer({
    min: 0,
    max: UINT32_MAX,
    rules: [
      {
        cel: '0 < self && self <= 65535',
        message: 'port must be between 1-65535',
        holds: isPort,
      },
    ],
  });

export const isPort = (value: number): boolean => value > 0 && value <= 65_535;

/** A duration of at least one millisecond. */
export const duration = () =>
  string({
    rules: [
      {
        cel: "duration(self) >= duration('1ms')",
        message: 'must be a valid duration greater than 1ms',
        holds: (self) => (durationMs(self) ?? 0) >= 1,
      },
    ],
  });

export const strings = (lengthMax?: number) =>
  list(string(lengthMax === undefined ? {} : { lengthMax }));

/** type.istio.io WorkloadSelector: all labels must be there with these values. */
export const workloadSelector = () =>
  object({
    matchLabels: map(
      string({
        lengthMax: 63,
        rules: [
          {
            cel: '!self.contains("*")',
            message: 'wildcard not allowed in label value match',
            holds: (value) => !value.includes('*'),
          },
        ],
      }),
      {
        keysMax: 4096,
        rules: [
          {
            cel: 'self.all(key, !key.contains("*"))',
            message: 'wildcard not allowed in label key match',
            holds: (self) => Object.keys(self).every((key) => !key.includes('*')),
          },
          {
            cel: 'self.all(key, key.size() != 0)',
            message: 'key must not be empty',
            holds: (self) => Object.keys(self).every((key) => key !== ''),
          },
        ],
      },
    ),
  });

/** networking.istio.io WorkloadSelector, unlike type.istio.io's in its field name and rules. */
export const labelsSelector = () =>
  object({
    labels: map(
      string({
        lengthMax: 63,
        rules: [
          {
            cel: '!self.contains("*")',
            message: 'wildcard is not supported in selector',
            holds: (self) => !self.includes('*'),
          },
        ],
      }),
      { keysMax: 256 },
    ),
  });

const intOrString: OpenApiSchema = {
  anyOf: [{ type: 'integer' }, { type: 'string' }],
  'x-kubernetes-int-or-string': true,
};

/** meta.istio.io IstioStatus. What else a controller writes there is kept. */
export function istioStatus(): OpenApiSchema {
  const time = () => string({ format: 'date-time' });
  const observedGeneration = { openapi: intOrString, read: (value: unknown) => value };
  return openObject({
    observedGeneration,
    conditions: list(
      object({
        type: string(),
        status: string(),
        reason: string(),
        message: string(),
        lastProbeTime: time(),
        lastTransitionTime: time(),
        observedGeneration,
      }),
    ),
    validationMessages: list(
      object({
        type: object({ code: string(), name: string() }),
        level: word(['UNKNOWN', 'ERROR', 'WARNING', 'INFO']),
        documentationUrl: string(),
      }),
    ),
  });
}

/** The status of the condition of this type: `True`, `False`, `Unknown`; undefined without it. */
export function conditionStatus(status: unknown, type: string): string | undefined {
  const conditions: unknown = isRecord(status) ? status['conditions'] : undefined;
  if (!Array.isArray(conditions)) return undefined;
  const all: readonly unknown[] = conditions;
  const found = all.filter(isRecord).find((condition) => condition['type'] === type);
  return typeof found?.['status'] === 'string' ? found['status'] : undefined;
}

/** Notes a violation for each value that `isValid` does not hold of. */
export function refuseUnless(
  values: readonly string[] | undefined,
  at: Reading,
  check: { readonly isValid: (value: string) => boolean; readonly message: string },
): void {
  for (const [index, value] of (values ?? []).entries()) {
    if (check.isValid(value)) continue;
    const place = at.item(index);
    place.refuse(`Invalid value: ${place.quote(value)}: ${check.message}`);
  }
}
