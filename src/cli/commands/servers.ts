// The programs that make up a mesh, as commands: each parses its own arguments and runs until it is
// told to stop.
import { randomBytes } from 'node:crypto';
import { systemClock } from '#base/clock.ts';
import { createLogger } from '#base/log.ts';
import { runTasks, type Task } from '#base/tasks.ts';
import type { Invocation } from '../command.ts';

export async function runApiServerCommand({
  argv,
  env,
  signal,
  print,
}: Invocation): Promise<number> {
  const { parseApiServerConfig } = await import('#apiserver/config.ts');
  const { runApiServer } = await import('#apiserver/main.ts');
  const log = createLogger('apiserver');
  const onReady = ({ url }: { readonly url: string }): void => print(`ready ${url}`);
  const dependencies = { clock: systemClock, log, randomBytes, onReady };
  await runApiServer(parseApiServerConfig(argv, env), dependencies, signal);
  return 0;
}

/** With --apiserver-data-dir the embedded API server runs here, too, and is met over HTTPS only. */
export async function runIsthmusdCommand({
  argv,
  env,
  signal,
  print,
}: Invocation): Promise<number> {
  const { parseControlPlaneConfig } = await import('#controlplane/config.ts');
  const { runIsthmusd } = await import('#controlplane/main.ts');
  const config = parseControlPlaneConfig(argv, env);
  const serve = (group: AbortSignal): Promise<void> =>
    runIsthmusd(config, { onListening: ({ xds }) => print(`ready ${xds}`) }, group);
  const { apiServerDataDir } = config;
  if (apiServerDataDir === undefined) await serve(signal);
  else await runTasks(signal, await besideApiServer(apiServerDataDir, config.serviceCidr, serve));
  return 0;
}

async function besideApiServer(dataDir: string, serviceCidr: string, serve: Task): Promise<Task[]> {
  const { parseApiServerConfig } = await import('#apiserver/config.ts');
  const { runApiServer } = await import('#apiserver/main.ts');
  const config = parseApiServerConfig(['--data-dir', dataDir, '--service-cidr', serviceCidr]);
  const ready = Promise.withResolvers<void>();
  const log = createLogger('apiserver');
  return [
    (group) =>
      runApiServer(
        config,
        { clock: systemClock, log, randomBytes, onReady: () => ready.resolve() },
        group,
      ),
    async (group) => {
      group.addEventListener('abort', () => ready.reject(group.reason), { once: true });
      await ready.promise;
      await serve(group);
    },
  ];
}

export async function runAgentCommand({ argv, env, signal }: Invocation): Promise<number> {
  const { readAgentConfig, runAgent } = await import('#agent/main.ts');
  await runAgent(readAgentConfig(argv, env), signal, env);
  return 0;
}

export async function runLeaveCommand({ argv, env, print }: Invocation): Promise<number> {
  const { readAgentConfig, leaveMesh } = await import('#agent/main.ts');
  await leaveMesh(readAgentConfig(argv, env), print);
  return 0;
}
