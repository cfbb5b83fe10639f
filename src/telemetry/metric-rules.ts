// What Telemetry says of a workload's metrics, applied to them: which there are, and with which tags.
// Calls are counted under all of Istio's labels whatever it says; a rule only decides what is told.
// So a change of rules loses no count, and series that lose what told them apart are added up.
import { tagExpression, type TagAttributes } from '#base/tag-expression.ts';
import type { CallKind, Labels } from './report.ts';
import { UNKNOWN } from './report.ts';

/** Of one metric, by Istio's name (`REQUEST_COUNT`), on one side of the workload's calls. */
export type MetricRule = {
  readonly side: 'client' | 'server';
  readonly metric: string;
  readonly isDisabled: boolean;
  readonly removed: readonly string[];
  /** Tag → what it is set to, in CEL (`base/tag-expression.ts`). */
  readonly set: readonly (readonly [name: string, expression: string])[];
};

/** What expressions came to for one call: part of what names a series. */
export type TagValues = readonly (readonly [expression: string, value: string])[];

type Reporter = CallKind['reporter'];

const SIDES: Readonly<Record<Reporter, MetricRule['side']>> = {
  source: 'client',
  destination: 'server',
};

export class MetricRules {
  readonly #rules: ReadonlyMap<string, MetricRule>;
  readonly #expressions: Readonly<Record<Reporter, readonly Evaluated[]>>;

  constructor(rules: readonly MetricRule[]) {
    this.#rules = new Map(rules.map((rule) => [`${rule.side} ${rule.metric}`, rule]));
    this.#expressions = {
      source: expressionsOf(rules, SIDES.source),
      destination: expressionsOf(rules, SIDES.destination),
    };
  }

  /** Nothing is said: all is told as it is counted. */
  get isEmpty(): boolean {
    return this.#rules.size === 0;
  }

  /** Nothing is worked out where no rule asks for it. */
  valuesOf(reporter: Reporter, attributes: () => TagAttributes): TagValues {
    const expressions = this.#expressions[reporter];
    if (expressions.length === 0) return NO_VALUES;
    const known = attributes();
    return expressions.map(({ text, valueOf }) => [text, valueOf(known)]);
  }

  /** undefined: the metric is not told. */
  labels(
    metric: string,
    reporter: Reporter,
    { labels, values }: { readonly labels: Labels; readonly values: TagValues },
  ): Labels | undefined {
    const rule = this.#rules.get(`${SIDES[reporter]} ${metric}`);
    if (rule === undefined) return labels;
    if (rule.isDisabled) return undefined;
    const { removed, set } = rule;
    const wanted = new Map(set);
    const kept = labels
      .filter(([name]) => !removed.includes(name))
      .map(([name, value]): Labels[number] => {
        const expression = wanted.get(name);
        wanted.delete(name);
        return [name, expression === undefined ? value : valueIn(values, expression)];
      });
    return [...kept, ...[...wanted].map(([name, text]) => [name, valueIn(values, text)] as const)];
  }
}

type Evaluated = {
  readonly text: string;
  readonly valueOf: (attributes: TagAttributes) => string;
};

const NO_VALUES: TagValues = [];
/** Each is worked out for each call. */
const EXPRESSIONS_MAX = 16;

function expressionsOf(
  rules: readonly MetricRule[],
  side: MetricRule['side'],
): readonly Evaluated[] {
  const texts = rules
    .filter((rule) => rule.side === side && !rule.isDisabled)
    .flatMap(({ set }) => set.map(([, text]) => text));
  return [...new Set(texts)]
    .slice(0, EXPRESSIONS_MAX)
    .map((text) => ({ text, valueOf: tagExpression(text) }));
}

/** What was counted before the rule was there has no value. */
const valueIn = (values: TagValues, expression: string): string =>
  values.find(([text]) => text === expression)?.[1] ?? UNKNOWN;
