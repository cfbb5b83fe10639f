// `isthmus why`: can A reach B, and why (not), step by step.
import type { ReachResult } from '#api/reach.ts';
import { usageError } from '#base/flags.ts';
import type { Surroundings } from '../command.ts';
import type { OutputFormat } from '../common-flags.ts';
import { openMeshApi, type MeshApi, type MeshApiWords } from '../mesh-api/client.ts';
import { readReach } from '../reach/answer.ts';
import { renderReach } from '../reach/text.ts';
import { renderOutput } from '../render.ts';
import { understood } from './proxy-config.ts';

type WhyCall = Surroundings & {
  readonly operands: readonly string[];
  readonly flags: MeshApiWords & { readonly probe?: boolean; readonly output: OutputFormat };
};

/** What a script may go by. */
const STATUS: Readonly<Record<ReachResult['verdict'], number>> = { can: 0, cannot: 1, unknown: 2 };

/**
 * @returns 0: A can, 1: it cannot, 2: nobody can tell
 * @throws OperatorError NOT_FOUND, CONTROL_PLANE_UNREACHABLE, CONTROL_PLANE_REFUSED, USAGE
 */
export async function runWhy(call: WhyCall): Promise<number> {
  return await askWhy(await openMeshApi(call.flags, call), call);
}

export async function askWhy(
  api: Pick<MeshApi, 'url' | 'send'>,
  { operands, flags, print }: Pick<WhyCall, 'operands' | 'flags' | 'print'>,
): Promise<number> {
  const [from = '', place = ''] = operands;
  const question = { from, ...placeOf(place), isProbing: flags.probe === true };
  const answer = await api.send('POST', '/api/v1/reach', question);
  const result = understood(api.url, () => readReach(answer));
  print(renderOutput(flags.output, result, () => renderReach(result)));
  return STATUS[result.verdict];
}

/** `db.default:5432`, `[::1]:80`, or without a port. @throws OperatorError USAGE */
export function placeOf(text: string): { readonly to: string; readonly port: number } {
  const [, bracketed, plain, digits] =
    /^(?:\[([^\]]+)\]|([^[\]]*?))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const to = bracketed ?? plain ?? '';
  const port = digits === undefined ? 0 : Number(digits);
  if (to === '' || port > 65_535 || (digits !== undefined && port === 0)) {
    throw usageError(`${text} is no place to reach`, 'isthmus why A B[:PORT]');
  }
  return { to, port };
}
