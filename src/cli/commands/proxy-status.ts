// `isthmus proxy-status` and `tls-check`: the mesh as its control plane sees it.
import { systemClock } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { Surroundings } from '../command.ts';
import type { OutputFormat } from '../common-flags.ts';
import { askIsthmusd, isthmusdUrl, type IsthmusdWords } from '../isthmusd.ts';
import { readStreams, readTlsPage, type TlsPage } from '../proxy/answers.ts';
import { groupByProxy, renderProxies } from '../proxy/status.ts';
import { renderOutput, renderTable } from '../render.ts';
import { understood, type ProxyWords } from './proxy-config.ts';

type StatusCall = Surroundings & {
  readonly operands: readonly string[];
  readonly flags: IsthmusdWords & { readonly output: OutputFormat };
};

/** @throws OperatorError NOT_FOUND, CONTROL_PLANE_UNREACHABLE, USAGE */
export async function runProxyStatus(call: StatusCall): Promise<number> {
  const { operands, flags, env, signal, print } = call;
  const base = isthmusdUrl(flags, env);
  const answer = await askIsthmusd(base, '/debug/syncz', { signal });
  const all = groupByProxy(understood(base, () => readStreams(answer)));
  const [wanted] = operands;
  const proxies = all.filter(({ name }) => wanted === undefined || isNamed(name, wanted));
  if (proxies.length === 0 && wanted !== undefined) {
    const names = all.map(({ name }) => name).join(', ') || 'nobody';
    throw new OperatorError('NOT_FOUND', `${wanted} is not connected`, {
      remedy: `connected are ${names}; on its machine, read the agent's log`,
    });
  }
  print(renderOutput(flags.output, proxies, () => renderProxies(proxies, systemClock.nowMs())));
  return 0;
}

/** `inventory-1.default` by its whole name, or by how it begins. */
const isNamed = (name: string, wanted: string): boolean =>
  name === wanted || name.startsWith(`${wanted}.`) || name.startsWith(`${wanted}-`);

type TlsCall = Surroundings & {
  readonly operands: readonly string[];
  readonly flags: ProxyWords;
};

/** @returns 1 when one of the connections would be refused */
export async function runTlsCheck(call: TlsCall): Promise<number> {
  const { operands, flags, env, signal, print } = call;
  const base = isthmusdUrl(flags, env);
  const [from = '', to = ''] = operands;
  const query = { from, to, namespace: flags.namespace ?? 'default' };
  const answer = await askIsthmusd(base, '/debug/tls', { query, signal });
  const page = understood(base, () => readTlsPage(answer));
  print(renderOutput(flags.output, page, () => renderTls(page)));
  return page.rows.every(({ status }) => status === 'OK') ? 0 : 1;
}

export function renderTls({ from, to, rows }: TlsPage): string {
  if (rows.length === 0) return `${from} has no way to ${to}: no service with endpoints`;
  const table = renderTable(
    ['HOST:PORT', 'ENDPOINT', 'WORKLOAD', 'STATUS', 'SERVER', 'CLIENT', 'ACCEPTS'],
    rows.map((row) => [
      row.destination,
      row.endpoint,
      row.workload,
      row.status,
      row.server,
      row.client,
      row.accepts.join(', '),
    ]),
  );
  const refused = rows.filter(({ status }) => status !== 'OK').length;
  const verdict =
    refused === 0
      ? `${from} and ${to} understand each other`
      : `${refused} of ${rows.length} would be refused: the server's policy and what the client does differ`;
  return `${table}\n\n${verdict}`;
}
