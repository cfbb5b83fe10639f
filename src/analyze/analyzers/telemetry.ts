// Telemetries that select nobody or the same workload twice, and providers that do nothing.
import { objectsAt, textAt } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { message, messageType } from '../message.ts';
import { overlaps } from '../overlaps.ts';
import { at, TELEMETRY } from '../resource.ts';
import type { Resource } from '../resource.ts';
import {
  goList,
  goQuote,
  policySelector,
  renderSelector,
  selectorPath,
  specOf,
} from '../selectors.ts';
import type { Labels } from '../selectors.ts';
import { deprecated, referencedResourceNotFound } from '../shared-codes.ts';

const conflictingTelemetries = messageType({
  code: 'IST0159',
  name: 'ConflictingTelemetryWorkloadSelectors',
  level: 'Error',
  says: (names: readonly string[], namespace: string, pod: string) =>
    `The Telemetries ${goList(names)} in namespace ${goQuote(namespace)} select the same ` +
    `workload pod ${goQuote(pod)}, which can lead to undefined behavior.`,
});

const telemetriesWithoutSelector = messageType({
  code: 'IST0160',
  name: 'MultipleTelemetriesWithoutWorkloadSelectors',
  level: 'Error',
  says: (names: readonly string[], namespace: string) =>
    `The Telemetries ${goList(names)} in namespace ${goQuote(namespace)} have no workload ` +
    'selector, which can lead to undefined behavior.',
});

const telemetryWithoutProvider = messageType({
  code: 'IST0157',
  name: 'InvalidTelemetryProvider',
  level: 'Warning',
  says: (name: string, namespace: string) =>
    `The Telemetry ${name} in namespace ${goQuote(namespace)} with empty providers will be ` +
    'ignored.',
});

const selectorOf = (telemetry: Resource): Labels => policySelector(telemetry) ?? {};

export const telemetrySelectors: Analyzer = {
  name: 'telemetry.SelectorAnalyzer',
  description:
    'Validates that telemetries that define a selector match at least one pod, and that there ' +
    "aren't multiple telemetry resources that select overlapping pods",
  finds: [referencedResourceNotFound, conflictingTelemetries],
  *run(snapshot) {
    const selecting = snapshot.of(TELEMETRY).filter((it) => Object.keys(selectorOf(it)).length > 0);
    const { unmatched, byWorkload } = overlaps(selecting, selectorOf, snapshot);
    for (const telemetry of unmatched) {
      const selector = selectorOf(telemetry);
      const place = at(telemetry, ...selectorPath(selector, 'spec', 'selector', 'matchLabels'));
      yield message(referencedResourceNotFound, place, 'selector', renderSelector(selector));
    }
    for (const [pod, group] of byWorkload) {
      const names = group.map(({ name }) => name).toSorted();
      for (const telemetry of group.length > 1 ? group : []) {
        const place = at(telemetry, 'metadata', 'name');
        yield message(conflictingTelemetries, place, names, pod.namespace, pod.name);
      }
    }
  },
};

export const telemetryDefaults: Analyzer = {
  name: 'telemetry.DefaultSelectorAnalyzer',
  description: "Validates that there aren't multiple telemetry resources that have no selector",
  finds: [telemetriesWithoutSelector],
  *run(snapshot) {
    const whole = snapshot.of(TELEMETRY).filter((it) => policySelector(it) === undefined);
    for (const [namespace, group] of Map.groupBy(whole, (it) => it.namespace)) {
      const names = group.map(({ name }) => name).toSorted();
      for (const telemetry of group.length > 1 ? group : []) {
        yield message(telemetriesWithoutSelector, telemetry, names, namespace);
      }
    }
  },
};

export const telemetryProviders: Analyzer = {
  name: 'telemetry.ProviderAnalyzer',
  description: 'Validates that providers in telemetry resource is valid',
  finds: [telemetryWithoutProvider],
  *run(snapshot) {
    if (snapshot.settings.hasDefaultAccessLogging) return;
    for (const telemetry of snapshot.of(TELEMETRY)) {
      for (const [index, logging] of objectsAt(specOf(telemetry), 'accessLogging').entries()) {
        if (logging['disabled'] === true || objectsAt(logging, 'providers').length > 0) continue;
        const place = at(telemetry, 'spec', 'accessLogging', index);
        yield message(telemetryWithoutProvider, place, telemetry.name, telemetry.namespace);
      }
    }
  },
};

export const telemetryLightstep: Analyzer = {
  name: 'telemetry.LightstepAnalyzer',
  description: 'Validates that lightstep provider is still used',
  finds: [deprecated],
  *run(snapshot) {
    const { lightstepProviders } = snapshot.settings;
    for (const telemetry of snapshot.of(TELEMETRY)) {
      for (const [index, tracing] of objectsAt(specOf(telemetry), 'tracing').entries()) {
        for (const provider of objectsAt(tracing, 'providers')) {
          const name = textAt(provider, 'name');
          if (!lightstepProviders.has(name)) continue;
          const remedy = 'is deprecated, please migrate to OpenTelemetry provider.';
          const place = at(telemetry, 'spec', 'tracing', index, 'providers');
          yield message(deprecated, place, `The Lightstep provider ${name} ${remedy}`);
        }
      }
    }
  },
};
