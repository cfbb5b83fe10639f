// PostgreSQL's own load, as the benchmarks of the data path put it on.
import type { Machine } from '#lab/machine.ts';
import { LIBRARY } from '#lab/postgres.ts';

export type Load = { readonly ops: number; readonly ms: number };

/** Reads of one row each, over connections that stay open. */
export async function runPgbench(
  machine: Machine,
  { host, port }: { readonly host: string; readonly port: number },
  { clients, seconds }: { readonly clients: number; readonly seconds: number },
): Promise<Load> {
  const flags = ['-n', '-S', '-c', String(clients), '-j', '1', '-T', String(seconds)];
  const where = ['-h', host, '-p', String(port), '-U', LIBRARY.user, LIBRARY.database];
  const env = { PGPASSWORD: LIBRARY.password };
  const { status, stdout, stderr } = await machine.run(['pgbench', ...flags, ...where], { env });
  const ops = Number(/transactions actually processed: (\d+)/.exec(stdout)?.[1] ?? 0);
  const tps = Number(/tps = ([\d.]+)/.exec(stdout)?.[1] ?? 0);
  if (status !== 0 || ops === 0) throw new Error(`pgbench: ${stderr}`);
  return { ops, ms: (ops / tps) * 1000 };
}
