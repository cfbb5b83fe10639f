// Prometheus' text format, version 0.0.4 (prometheus.io: "Exposition formats").
import type { Histogram } from '#base/histogram.ts';
import type { Labels } from './report.ts';

export const EXPOSITION_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export type Sample<Value> = { readonly labels: Labels; readonly value: Value };

/** One metric with all of its series. */
export type Family =
  | {
      readonly type: 'counter' | 'gauge';
      readonly name: string;
      readonly help: string;
      readonly samples: readonly Sample<number>[];
    }
  | {
      readonly type: 'histogram';
      readonly name: string;
      readonly help: string;
      readonly samples: readonly Sample<Histogram>[];
    };

/** Families without a series are left out. */
export function renderFamilies(families: readonly Family[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map(renderFamily)
    .join('');
}

function renderFamily(family: Family): string {
  const { name, type, help } = family;
  const head = `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
  const lines =
    family.type === 'histogram'
      ? family.samples.flatMap(({ labels, value }) => histogramLines(name, labels, value))
      : family.samples.map(({ labels, value }) => `${name}${renderLabels(labels)} ${value}\n`);
  return head + lines.join('');
}

function histogramLines(name: string, labels: Labels, histogram: Histogram): string[] {
  const buckets = histogram
    .cumulative()
    .map(([le, count]) => `${name}_bucket${renderLabels([...labels, ['le', le]])} ${count}\n`);
  return [
    ...buckets,
    `${name}_sum${renderLabels(labels)} ${histogram.sum}\n`,
    `${name}_count${renderLabels(labels)} ${histogram.count}\n`,
  ];
}

export function renderLabels(labels: Labels): string {
  if (labels.length === 0) return '';
  return `{${labels.map(([name, value]) => `${name}="${escapeValue(value)}"`).join(',')}}`;
}

const escapeHelp = (text: string): string => text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
const escapeValue = (text: string): string => escapeHelp(text).replace(/"/g, '\\"');
