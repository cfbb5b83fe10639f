// What a Telemetry says of traces.
import type { Reading } from '../schema/reading.ts';
import { customTagsOf } from './custom-tag.ts';
import type { CustomTag } from './custom-tag.ts';
import type { TelemetrySpec } from './schema.ts';
import { sidesOf } from './side.ts';
import type { LogSide } from './side.ts';

/** undefined: as whatever is wider says. */
export type TracingEntry = {
  readonly sides: readonly LogSide[];
  /** Extension providers, by name, of which the first counts. */
  readonly providers: readonly string[];
  /** Percent of the requests that come without a trace. */
  readonly sampling: number | undefined;
  readonly isDisabled: boolean | undefined;
  /** Sorted by name; they replace those of wider ones as a whole. */
  readonly tags: readonly CustomTag[] | undefined;
  readonly usesRequestId: boolean | undefined;
  readonly hasIstioTags: boolean | undefined;
  /** Passes on what it gets, and adds nothing. */
  readonly keepsContext: boolean | undefined;
};

export function tracingOf({ tracing = [] }: TelemetrySpec, at: Reading): readonly TracingEntry[] {
  return tracing.map((entry, index) => {
    const { match, providers = [], customTags } = entry;
    const place = at.property('tracing').item(index).property('customTags');
    return {
      sides: sidesOf(match?.mode),
      providers: providers.map(({ name }) => name),
      sampling: entry.randomSamplingPercentage ?? undefined,
      isDisabled: entry.disableSpanReporting ?? undefined,
      tags: customTags && customTagsOf(customTags, place),
      usesRequestId: entry.useRequestIdForTraceSampling ?? undefined,
      hasIstioTags: entry.enableIstioTags ?? undefined,
      keepsContext: entry.disableContextPropagation ?? undefined,
    };
  });
}
