// A Telemetry is checked and kept: what the mesh tells of itself is the same for everybody yet.
import { UNUSED, type ParseUnused } from '../acted-on.ts';
import { parseObject } from '../kind.ts';
import { checkTargets } from '../policy-target.ts';
import type { Reading } from '../schema/reading.ts';
import { telemetryKind } from './schema.ts';
import type { TelemetrySpec } from './schema.ts';

export const parseTelemetry: ParseUnused = (object) =>
  parseObject(telemetryKind, object, (spec, _, at) => {
    checkTargets(spec, at);
    checkTagOverrides(spec, at);
    return UNUSED;
  });

/** A tag is set where nothing else is said; the schema minds those that say so. */
function checkTagOverrides({ metrics = [] }: TelemetrySpec, at: Reading): void {
  for (const [index, { overrides = [] }] of metrics.entries()) {
    const place = at.property('metrics').item(index).property('overrides');
    for (const [position, { tagOverrides = {} }] of overrides.entries()) {
      for (const [tag, { operation, value = '' }] of Object.entries(tagOverrides)) {
        if (operation !== undefined || value !== '') continue;
        const override = place.item(position).property('tagOverrides').key(tag);
        override.property('value').refuse('Required value: the tag is set to it');
      }
    }
  }
}
