// The control plane's own pages, as the commands ask for them.
import { withDeadline } from '#base/clock.ts';
import { usageError } from '#base/flags.ts';
import { OperatorError } from '#base/operator-error.ts';
import { isRecord } from '#kube/objects.ts';
import { DEFAULT_ISTHMUSD } from './common-flags.ts';

/** The values of `isthmusdFlags`. */
export type IsthmusdWords = { readonly isthmusd: string | undefined };

type Environment = Readonly<Record<string, string | undefined>>;

const ANSWER_LIMIT_MS = 15_000;
const HTTP_BAD_REQUEST = 400;
const HTTP_NOT_FOUND = 404;

/** @throws OperatorError USAGE */
export function isthmusdUrl({ isthmusd }: IsthmusdWords, env: Environment): string {
  const text = isthmusd ?? (env['ISTHMUSD'] || DEFAULT_ISTHMUSD);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:') return url.href.replace(/\/+$/, '');
  throw usageError(`${text} is no address of a control plane`, `--isthmusd ${DEFAULT_ISTHMUSD}`);
}

/**
 * What a page answers, parsed.
 *
 * @param base of `isthmusdUrl`
 * @throws OperatorError CONTROL_PLANE_UNREACHABLE; NOT_FOUND for what the control plane does not
 *   know; USAGE for what it does not take
 */
export async function askIsthmusd(
  base: string,
  path: string,
  options: {
    readonly query?: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
): Promise<unknown> {
  const { status, body } = await fetchText(base, path, options);
  const json = parseJson(body);
  if (status === 200 && json !== undefined) return json;
  const problem = isRecord(json) ? json['problem'] : undefined;
  if (typeof problem !== 'string') {
    throw unreachable(base, `${path} is answered with status ${status}, which is no isthmusd's`);
  }
  if (status === HTTP_NOT_FOUND) {
    const remedy = 'name it as "isthmus proxy-status" does, or its namespace with -n';
    throw new OperatorError('NOT_FOUND', problem, { remedy });
  }
  if (status === HTTP_BAD_REQUEST) throw new OperatorError('USAGE', problem, { remedy: SAME });
  throw unreachable(base, problem);
}

/** The text of a page. @throws OperatorError CONTROL_PLANE_UNREACHABLE */
export async function fetchText(
  base: string,
  path: string,
  {
    query = {},
    signal: parent,
  }: { readonly query?: Readonly<Record<string, string>>; readonly signal: AbortSignal },
): Promise<{ readonly status: number; readonly body: string }> {
  const search = new URLSearchParams(query).toString();
  const url = `${base}${path}${search && `?${search}`}`;
  const limit = { what: base, limitMs: ANSWER_LIMIT_MS, parent };
  try {
    return await withDeadline(limit, async (signal) => {
      const response = await fetch(url, { signal });
      return { status: response.status, body: await response.text() };
    });
  } catch (cause) {
    parent.throwIfAborted();
    throw unreachable(base, reasonOf(cause), cause);
  }
}

const SAME = 'use the isthmus of the version that the control plane has: isthmus version';

/** An answer that is none of this version's. */
export const foreignAnswer = (base: string): OperatorError =>
  new OperatorError('CONTROL_PLANE_UNREACHABLE', `${base} answers in a way unknown here`, {
    remedy: SAME,
  });

function unreachable(base: string, reason: string, cause?: unknown): OperatorError {
  const remedy =
    'start isthmusd, or name its monitoring port with --isthmusd; of one in a cluster first run ' +
    '"kubectl -n istio-system port-forward deploy/istiod 15014"';
  const message = `the control plane at ${base} does not answer: ${reason}`;
  return new OperatorError('CONTROL_PLANE_UNREACHABLE', message, { remedy, cause });
}

/** Of fetch the cause says more than the error. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
