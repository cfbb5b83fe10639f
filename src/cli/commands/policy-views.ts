// `isthmus policy list|preview`: the console's list of policies, and what an edit would do to the
// calls that were seen.
import type { FlowImpact, PolicyReference } from '#api/policies.ts';
import { printable } from '#base/printable.ts';
import type { Surroundings } from '../command.ts';
import type { OutputFormat } from '../common-flags.ts';
import type { KubeWords } from '../kube.ts';
import { openMeshApi, type MeshApi, type MeshApiWords } from '../mesh-api/client.ts';
import { listOf, numberOf, recordOf, textOf } from '../proxy/answers.ts';
import { renderOutput, renderTable } from '../render.ts';
import { policyFile } from './policy.ts';
import { understood } from './proxy-config.ts';

type Words = MeshApiWords & KubeWords & { readonly output: OutputFormat };
type Call<Flags> = Surroundings & {
  readonly operands: readonly string[];
  readonly flags: Words & Flags;
};
type Api = Pick<MeshApi, 'url' | 'get' | 'send'>;
type PreviewFlags = { readonly window: '1h' | '24h' | '7d' };

const ROWS_MAX = 100;
const CELL_LENGTH_MAX = 120;

/** @throws OperatorError CONTROL_PLANE_UNREACHABLE, CONTROL_PLANE_REFUSED, USAGE */
export async function runPolicyList(call: Call<unknown>): Promise<number> {
  return await listPolicies(await openMeshApi(call.flags, call), call);
}

/** @throws OperatorError FILE_UNREADABLE, CONTROL_PLANE_REFUSED, USAGE, and of `openMeshApi` */
export async function runPolicyPreview(call: Call<PreviewFlags>): Promise<number> {
  const file = await policyFile(call);
  return await previewPolicy(await openMeshApi(call.flags, call), call, file);
}

export async function listPolicies(
  api: Api,
  { flags, print }: Pick<Call<unknown>, 'print'> & { readonly flags: Pick<Words, 'output'> },
): Promise<number> {
  const answer = await api.get('/api/v1/policies');
  const rows = understood(api.url, () => listOf(answer, readRow));
  const table = (): string =>
    rows.length === 0
      ? 'there are no policies, or none that you may list'
      : renderTable(HEAD, rows);
  print(renderOutput(flags.output, answer, table));
  return 0;
}

const HEAD = ['NAME', 'KIND', 'SCOPE', 'TARGETS', 'EFFECT', 'ALLOWED', 'DENIED', 'REMARKS'];

function readRow(json: unknown): readonly string[] {
  const row = recordOf(json);
  const [namespace, name] = [textOf(row['namespace']), textOf(row['name'])];
  const [first = 'nobody', ...others] = listOf(row['targets'], textOf);
  const managedBy = textOf(row['managedBy']);
  const conflicts = listOf(row['conflicts'], textOf);
  return [
    namespace === '' ? name : `${namespace}/${name}`,
    textOf(row['kind']),
    textOf(row['scope']),
    others.length === 0 ? first : `${first} +${others.length}`,
    textOf(row['effect']),
    countText(row['allowed']),
    countText(row['denied']),
    [...(managedBy === '' ? [] : [`kept by ${managedBy}`]), ...conflicts].join('; ') || '-',
  ].map((cell) => printable(cell, CELL_LENGTH_MAX));
}

/** Of kinds that count nothing there is no number. */
const countText = (value: unknown): string => (value === null ? '-' : String(numberOf(value)));

export async function previewPolicy(
  api: Api,
  call: Pick<Call<PreviewFlags>, 'print'> & {
    readonly flags: PreviewFlags & Pick<Words, 'output'>;
  },
  { ref, yaml }: { readonly ref: PolicyReference; readonly yaml: string },
): Promise<number> {
  const { window, output } = call.flags;
  const answer = await api.send('POST', '/api/v1/policies:preview', { ...ref, yaml, window });
  const lines = understood(api.url, () => impactLines(answer, window));
  call.print(renderOutput(output, answer, () => lines.join('\n')));
  const hasErrors = understood(api.url, () =>
    listOf(recordOf(answer)['diagnostics'], recordOf).some(({ severity }) => severity === 'error'),
  );
  return hasErrors ? 1 : 0;
}

const GROUPS = [
  ['refused', 'will be refused'],
  ['allowed', 'newly allowed'],
  ['moved', 'led elsewhere'],
  ['untold', 'cannot tell'],
  ['unchanged', 'unchanged'],
] as const;

function impactLines(answer: unknown, window: string): readonly string[] {
  const impact = recordOf(answer);
  const diagnostics = listOf(impact['diagnostics'], readDiagnostic);
  if (diagnostics.some((line) => line.startsWith('error'))) return diagnostics;
  const groups = GROUPS.flatMap(([key, title]) => {
    const rows = listOf(impact[key], readFlow);
    const shown = key === 'unchanged' ? [] : rows.slice(0, ROWS_MAX);
    const more = key === 'unchanged' ? 0 : rows.length - shown.length;
    return [
      `${title}: ${rows.length}`,
      ...shown.map((row) => `  ${row}`),
      ...(more > 0 ? [`  and ${more} more`] : []),
    ];
  });
  const note = textOf(impact['note']);
  const hours = Math.floor(numberOf(impact['coverageMs']) / 3_600_000);
  const known = hours < (HOURS[window] ?? 0) ? `; the mesh has been watched for ${hours} h` : '';
  return [
    ...diagnostics,
    ...groups,
    ...(note === '' ? [] : [note]),
    `based on ${window} of calls${known}: rarer ones, such as a weekly job’s, may not be in it`,
  ];
}

const HOURS: Readonly<Record<string, number>> = { '1h': 1, '24h': 24, '7d': 168 };

function readDiagnostic(json: unknown): string {
  const { severity, line, column, path, message } = recordOf(json);
  const place = numberOf(line) > 0 ? ` at ${numberOf(line)}:${numberOf(column)}` : '';
  const field = textOf(path);
  const what = field === '' ? textOf(message) : `${field}: ${textOf(message)}`;
  return printable(`${textOf(severity)}${place}: ${what}`, CELL_LENGTH_MAX * 3);
}

function readFlow(json: unknown): string {
  const fields = recordOf(json);
  const text = (name: keyof FlowImpact): string => textOf(fields[name]);
  const ends = `${shortName(text('from'))} → ${shortName(text('to'))}:${numberOf(fields['port'])}`;
  const who = text('clientIdentity');
  const change =
    text('before') === text('after')
      ? text('after')
      : `was ${text('before')}, then ${text('after')}`;
  return printable(`${ends}${who === '' ? '' : ` as ${who}`}: ${change}`, CELL_LENGTH_MAX * 4);
}

/** `inventory.library` of `wl:library/inventory`. */
const shortName = (node: string): string => {
  const [, namespace, name] = /^wl:([^/]+)\/(.+)$/.exec(node) ?? [];
  return namespace === undefined || name === undefined
    ? node.replace(/^(host|ip):/, '')
    : `${name}.${namespace}`;
};
