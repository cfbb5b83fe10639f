// `isthmus logs`: the logs of any workload's proxy and agent, Pods and VMs alike, by the control
// plane; the application's own of a Pod by the Kubernetes API, of a VM as its owner lets.
import type { LogSource } from '#api/workload.ts';
import { usageError } from '#base/flags.ts';
import { printable } from '#base/printable.ts';
import { isRecord } from '#kube/objects.ts';
import { isNotFound } from '#kube/status.ts';
import type { Surroundings } from '../command.ts';
import { loadKube, withKube, type KubeWords } from '../kube.ts';
import { openMeshApi, type MeshApiWords } from '../mesh-api/client.ts';

type LogsCall = Surroundings & {
  readonly operands: readonly string[];
  readonly flags: MeshApiWords &
    KubeWords & {
      readonly follow: boolean;
      readonly source: LogSource;
      readonly lines: string;
      readonly container: string | undefined;
    };
};

const USAGE = 'isthmus logs WORKLOAD [flags]; all of it: isthmus logs --help';
const LINES_MAX = 1_000;
const LINE_LENGTH_MAX = 8 << 10;

/** @throws OperatorError USAGE, NOT_FOUND, and those of `openMeshApi` and `withKube` */
export async function runLogs(call: LogsCall): Promise<number> {
  const { flags, operands } = call;
  const lines = Number(flags.lines);
  if (!/^\d{1,4}$/.test(flags.lines) || lines > LINES_MAX) {
    throw usageError(`--lines ${flags.lines} is no number up to ${LINES_MAX}`, USAGE);
  }
  const [word = ''] = operands;
  const own = flags.namespace ?? (await loadKube(flags, call.env)).namespace;
  const named = /^(?:([^/]+)\/)?([^/]+)$/.exec(word);
  if (!named) throw usageError(`"${word}" names no workload`, USAGE);
  const [, namespace = own, name = ''] = named;
  const wanted = { namespace, name, lines };
  if (flags.source === 'app') return await printAppLog(call, wanted);
  return await printProxyLog(call, wanted);
}

type Wanted = { readonly namespace: string; readonly name: string; readonly lines: number };

async function printProxyLog(call: LogsCall, wanted: Wanted): Promise<number> {
  const { flags, env, signal, print } = call;
  const api = await openMeshApi(flags, { env, signal });
  const { namespace, name, lines } = wanted;
  const path = `/api/v1/workloads/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}/logs`;
  const query = { source: flags.source, lines, follow: flags.follow ? 1 : undefined };
  const seen = new Set<string>();
  try {
    for await (const { type, data } of api.events(path, query)) {
      if (type !== 'line' || !isRecord(data)) continue;
      const { instance, text } = data;
      if (typeof text !== 'string') continue;
      if (typeof instance === 'string') seen.add(instance);
      // of several, whose line it is
      const who = seen.size > 1 ? `${String(instance).split('/').at(-1)}: ` : '';
      print(`${who}${printable(text, LINE_LENGTH_MAX)}`);
    }
  } catch (error) {
    if (!(flags.follow && signal.aborted)) throw error;
  }
  return 0;
}

/** Of a Pod as `kubectl logs`, with the same rights; what is no Pod's name is a workload's. */
async function printAppLog(call: LogsCall, wanted: Wanted): Promise<number> {
  const { flags, env, signal, print } = call;
  const { namespace, name, lines } = wanted;
  const isPod = await withKube(flags, env, async ({ client }) => {
    const options = { tailLines: lines, follow: flags.follow, signal };
    const container = flags.container === undefined ? {} : { container: flags.container };
    try {
      for await (const line of client.podLog({ namespace, name }, { ...options, ...container })) {
        print(printable(line, LINE_LENGTH_MAX));
      }
    } catch (error) {
      if (isNotFound(error)) return false;
      if (!(flags.follow && signal.aborted)) throw error;
    }
    return true;
  });
  return isPod ? 0 : await printProxyLog(call, wanted);
}
