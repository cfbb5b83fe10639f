// Prometheus' text format, as far as the lab reads it: series by metric.

export type SeriesSample = {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

export function parsePrometheusText(text: string): readonly SeriesSample[] {
  return text.split('\n').flatMap((line) => {
    const [, metric, labels = '', value] = LINE.exec(line) ?? [];
    if (metric === undefined || line.startsWith('#')) return [];
    return [{ metric, labels: parseLabels(labels), value: Number(value) }];
  });
}

function parseLabels(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...text.matchAll(LABEL)].map(([, name = '', value = '']) => [name, unescapeValue(value)]),
  );
}

const unescapeValue = (value: string): string =>
  value.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
