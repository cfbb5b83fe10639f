// Messages as `isthmus analyze` prints them: lines for people, JSON and YAML for programs. Pure.
import { stringify } from 'yaml';
import { assertNever } from '#base/assert-never.ts';
import type { Analyzer } from '#analyze/analyzer.ts';
import { friendlyName, referenceOf, renderMessage } from '#analyze/message.ts';
import type { Message } from '#analyze/message.ts';

export type AnalysisFormat = 'log' | 'json' | 'yaml';

const ISTIO_CODES = 'https://istio.io/latest/docs/reference/config/analysis';

export function renderMessages(messages: readonly Message[], format: AnalysisFormat): string {
  switch (format) {
    case 'log':
      return messages.map((message) => renderMessage(message)).join('\n');
    case 'json':
      return JSON.stringify(messages.map(plain), undefined, 2);
    case 'yaml':
      return stringify(messages.map(plain), { lineWidth: 0 }).trimEnd();
    default:
      return assertNever(format);
  }
}

/** With istioctl's names. */
function plain({ code, level, text, place }: Message): Readonly<Record<string, string>> {
  const reference = referenceOf(place);
  const url = code.startsWith('IST') ? `${ISTIO_CODES}/${code.toLowerCase()}/` : undefined;
  return {
    code,
    ...(url !== undefined && { documentationUrl: url }),
    level,
    message: text,
    origin: friendlyName(place.resource),
    ...(reference !== undefined && { reference }),
  };
}

/** In istioctl's form. */
export function renderAnalyzers(analyzers: readonly Analyzer[]): string {
  const lines = analyzers.flatMap(({ name, description, finds }) => [
    `* ${name}:`,
    `    ${description.trim()} (${finds.map(({ code }) => code).join(', ')})`,
  ]);
  return lines.join('\n');
}
