// Families of metrics, of which each has one line to say.
import type { Histogram } from '#base/histogram.ts';
import type { Family, Sample } from '#telemetry/exposition.ts';
import type { Labels } from '#telemetry/report.ts';

const one = <Value>(value: Value): readonly Sample<Value>[] => [{ labels: [], value }];

export function gauge(name: string, help: string, value: number): Family {
  return { type: 'gauge', name, help, samples: one(value) };
}

export function counter(name: string, help: string, value: number): Family {
  return { type: 'counter', name, help, samples: one(value) };
}

export function histogram(name: string, help: string, value: Histogram): Family {
  return { type: 'histogram', name, help, samples: one(value) };
}

export function info(name: string, help: string, labels: Labels): Family {
  return { type: 'gauge', name, help, samples: [{ labels, value: 1 }] };
}

export function byType(name: string, help: string, counts: ReadonlyMap<string, number>): Family {
  return { type: 'counter', name, help, samples: samplesByType(counts) };
}

export function histogramByType(
  name: string,
  help: string,
  values: ReadonlyMap<string, Histogram>,
): Family {
  return { type: 'histogram', name, help, samples: samplesByType(values) };
}

const samplesByType = <Value>(values: ReadonlyMap<string, Value>): readonly Sample<Value>[] =>
  [...values].map(([type, value]) => ({ labels: [['type', type]], value }));
