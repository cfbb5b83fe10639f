// The programs that make up a mesh, as commands: each parses its own arguments and runs until it is
// told to stop.
import { aborted } from '#base/tasks.ts';
import type { Invocation } from '../command.ts';

export async function runApiServerCommand({
  argv,
  env,
  signal,
  print,
}: Invocation): Promise<number> {
  const { parseApiServerConfig } = await import('#apiserver/config.ts');
  const { runClusterServer } = await import('./cluster-server.ts');
  const serve = ({ url }: { readonly url: string }, group: AbortSignal): Promise<void> => {
    print(`ready ${url}`);
    return aborted(group);
  };
  await runClusterServer(parseApiServerConfig(argv, env), serve, signal);
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
  const { apiServerDataDir, serviceCidr } = config;
  if (apiServerDataDir === undefined) {
    await serve(signal);
    return 0;
  }
  const { parseApiServerConfig } = await import('#apiserver/config.ts');
  const { runClusterServer } = await import('./cluster-server.ts');
  const flags = ['--data-dir', apiServerDataDir, '--service-cidr', serviceCidr];
  await runClusterServer(parseApiServerConfig(flags), (_, group) => serve(group), signal);
  return 0;
}

export async function runAgentCommand({ argv, env, signal }: Invocation): Promise<number> {
  const { readAgentConfig, runAgent } = await import('#agent/main.ts');
  await runAgent(readAgentConfig(argv, env), signal, env);
  return 0;
}

export async function runLeaveCommand({ argv, env, print }: Invocation): Promise<number> {
  const { readAgentConfig, leaveMesh } = await import('#agent/main.ts');
  const { endService, isService } = await import('../vm/service.ts');
  const { agentPid } = await import('#agent/control.ts');
  const { agentFiles } = await import('#agent/paths.ts');
  const config = readAgentConfig(argv, env);
  // or the next start of the machine would bring it back
  const pid = await agentPid(agentFiles(config.paths).controlSocket);
  const endsService = await isService(pid ?? 0);
  await leaveMesh(config, print);
  if (endsService) {
    await endService();
    print('the service of systemd is removed');
  }
  return 0;
}
