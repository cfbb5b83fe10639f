// `isthmus join-status`: how far machines have got that join.
import { OperatorError } from '#base/operator-error.ts';
import type { Join } from '#api/joins.ts';
import { isRecord } from '#kube/objects.ts';
import type { Surroundings } from '../command.ts';
import type { OutputFormat } from '../common-flags.ts';
import { loadKube, type KubeWords } from '../kube.ts';
import { openMeshApi, type MeshApi, type MeshApiWords } from '../mesh-api/client.ts';
import { renderOutput, renderTable } from '../render.ts';
import { parseJoin, renderJoin, StepPrinter } from '../vm/steps.ts';

type StatusCall = Surroundings & {
  readonly operands: readonly string[];
  readonly flags: MeshApiWords &
    KubeWords & { readonly watch: boolean; readonly output: OutputFormat };
};

/** @throws OperatorError NOT_FOUND, and those of `openMeshApi` */
export async function runJoinStatus(call: StatusCall): Promise<number> {
  const { flags, env, signal, print, operands } = call;
  const [name] = operands;
  const namespace = flags.namespace ?? (await loadKube(flags, env)).namespace;
  const api = await openMeshApi(flags, { env, signal });
  const joins = parseJoins(await api.get('/api/v1/joins'));
  const within = flags.namespace === undefined && name === undefined ? undefined : namespace;
  const shown = joins.filter(
    (join) =>
      (name === undefined || join.name === name || join.id === name) &&
      (within === undefined || join.namespace === within || join.id === name),
  );
  const [latest] = shown;
  if (name !== undefined && !latest) {
    throw new OperatorError('NOT_FOUND', `no machine ${name} joins in ${namespace}`, {
      remedy: `invite it: isthmus vm token ${name} -n ${namespace}`,
    });
  }
  if (flags.watch && latest) return await watch(api, latest, call);
  const whole = name === undefined ? shown : shown.slice(0, 1);
  print(renderOutput(flags.output, whole, () => renderAll(shown, name !== undefined)));
  return 0;
}

function renderAll(joins: readonly Join[], isOne: boolean): string {
  const [first] = joins;
  if (!first) return 'no machine has joined by a token, or does';
  if (isOne) return renderJoin(first);
  return renderTable(
    ['NAME', 'NAMESPACE', 'STATE', 'STEP', 'STARTED', 'BY', 'JOIN'],
    joins.map(({ id, name, namespace, state, steps, startedAtMs, by }) => {
      const ended = steps.filter(({ endedAtMs }) => endedAtMs !== null).length;
      const started = new Date(startedAtMs).toISOString();
      return [name, namespace, state, `${ended}/${steps.length}`, started, by, id];
    }),
  );
}

/** Steps as they end, until the join does. */
async function watch(api: MeshApi, join: Join, { print }: StatusCall): Promise<number> {
  print(`${join.namespace}/${join.name} (join ${join.id})`);
  const printer = new StepPrinter(print);
  printer.show(join);
  const exit = ({ state }: Join): number => (state === 'done' ? 0 : 1);
  if (join.endedAtMs !== null) return exit(join);
  const events = api.events('/api/v1/events');
  // what happened before the stream began
  const now = parseJoin(await api.get(`/api/v1/joins/${join.id}`));
  if (now) printer.show(now);
  if (now && now.endedAtMs !== null) return exit(now);
  for await (const { type, data } of events) {
    const changed = type === 'join.step' && isRecord(data) ? parseJoin(data['join']) : undefined;
    if (changed?.id !== join.id) continue;
    printer.show(changed);
    if (changed.endedAtMs !== null) return exit(changed);
  }
  throw new OperatorError('CONTROL_PLANE_UNREACHABLE', 'the control plane went away', {
    remedy: `look again: isthmus join-status ${join.name} -n ${join.namespace}`,
  });
}

export function parseJoins(value: unknown): readonly Join[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  return list.flatMap((item) => parseJoin(item) ?? []);
}
