// `isthmus`: one program for everything that runs in the mesh or looks at it.
import { createLogger } from '#base/log.ts';
import { renderFailure } from '#base/operator-error.ts';
import { randomBytes } from 'node:crypto';
import { systemClock } from '#base/clock.ts';
import { runTasks, type Task } from '#base/tasks.ts';
import { renderHelp, selectCommand, type Command, type Invocation } from './command.ts';

async function runApiServerCommand({ argv, env, signal, print }: Invocation): Promise<number> {
  const { parseApiServerConfig } = await import('#apiserver/config.ts');
  const { runApiServer } = await import('#apiserver/main.ts');
  const log = createLogger('apiserver');
  const onReady = ({ url }: { readonly url: string }): void => print(`ready ${url}`);
  const dependencies = { clock: systemClock, log, randomBytes, onReady };
  await runApiServer(parseApiServerConfig(argv, env), dependencies, signal);
  return 0;
}

/** With --apiserver-data-dir the embedded API server runs here, too, and is met over HTTPS only. */
async function runIsthmusdCommand({ argv, env, signal, print }: Invocation): Promise<number> {
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

async function runAgentCommand({ argv, env, signal }: Invocation): Promise<number> {
  const { readAgentConfig, runAgent } = await import('#agent/main.ts');
  await runAgent(readAgentConfig(argv, env), signal, env);
  return 0;
}

async function runLeaveCommand({ argv, env, print }: Invocation): Promise<number> {
  const { readAgentConfig, leaveMesh } = await import('#agent/main.ts');
  await leaveMesh(readAgentConfig(argv, env), print);
  return 0;
}

const commands: readonly Command[] = [
  {
    name: 'demo',
    summary: 'the library story in a lab on this machine',
    run: async ({ argv, env, signal }) =>
      (await import('./commands/demo.ts')).runDemo(argv, env, signal),
  },
  { name: 'apiserver', summary: 'the embedded Kubernetes API server', run: runApiServerCommand },
  { name: 'isthmusd', summary: 'the control plane', run: runIsthmusdCommand },
  { name: 'agent', summary: 'the agent beside a workload', run: runAgentCommand },
  { name: 'agent leave', summary: 'take this workload out of the mesh', run: runLeaveCommand },
];

async function main(words: readonly string[]): Promise<number> {
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  const [first] = words;
  if (first === undefined || first === 'help' || first === '--help' || first === '-h') {
    print(renderHelp(commands));
    return 0;
  }
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => stop.abort(new DOMException(`ended by ${name}`, 'AbortError')));
  }
  const { command, argv } = selectCommand(commands, words);
  return command.run({ argv, env: process.env, signal: stop.signal, print });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { text, exitStatus } = renderFailure(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = exitStatus;
}
