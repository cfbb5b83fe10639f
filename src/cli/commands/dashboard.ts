// `isthmus dashboard`: a link that signs a browser in at the console, once.
import { runCommand } from '#base/command.ts';
import { isRecord } from '#kube/objects.ts';
import type { Surroundings } from '../command.ts';
import { consoleLink } from '../console-link.ts';
import { foreignAnswer } from '../isthmusd.ts';
import { openMeshApi, type MeshApi, type MeshApiWords } from '../mesh-api/client.ts';

type DashboardCall = Surroundings & {
  readonly flags: MeshApiWords & { readonly open: boolean };
};

/** @throws OperatorError CONTROL_PLANE_UNREACHABLE, CONTROL_PLANE_REFUSED, TOOL_MISSING, USAGE */
export async function runDashboard(call: DashboardCall): Promise<number> {
  const { flags, env, print } = call;
  const api = await openMeshApi(flags, call);
  const link = consoleLink(api.url, await consoleCode(api));
  print(`${link}\n\nIt signs you in once, within a minute, with your rights in Kubernetes.`);
  if (flags.open) await runCommand('xdg-open', [link], { env });
  return 0;
}

/**
 * A code for a link. @param lifeSeconds default a minute, at most an hour
 *
 * @throws OperatorError CONTROL_PLANE_UNREACHABLE, CONTROL_PLANE_REFUSED
 */
export async function consoleCode(
  api: Pick<MeshApi, 'send' | 'url'>,
  lifeSeconds?: number,
): Promise<string> {
  const answer = await api.send('POST', '/api/v1/session/code', { lifeSeconds });
  const code = isRecord(answer) ? answer['code'] : undefined;
  if (typeof code === 'string') return code;
  throw foreignAnswer(api.url);
}
