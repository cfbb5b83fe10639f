// The console as a part of isthmusd: served until it stops, with a certificate that is renewed.
import type { ServerNames } from '#ca/authority.ts';
import {
  issueServerCertificate,
  runServerCertificate,
  type ServerCertificate,
} from '#ca/server-certificate.ts';
import { runTasks, type Task } from '#base/tasks.ts';
import type { ControlPlane, ControlPlaneDependencies } from '../build.ts';
import type { ControlPlaneConfig } from '../config.ts';
import { createConsole, isLoopback } from './console.ts';
import { apiRoutes } from './routes.ts';
import type { ConsoleServer } from './server.ts';

type RunOptions = ControlPlaneDependencies & {
  readonly config: ControlPlaneConfig;
  readonly names: ServerNames;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  readonly onListening: (port: number) => void;
};

/** Serves until aborted. @throws OperatorError ADDRESS_IN_USE */
export async function runConsole(
  parts: ControlPlane,
  options: RunOptions,
  signal: AbortSignal,
): Promise<void> {
  const { config, names, client, clock, log: all, onListening } = options;
  const isPlain = config.consoleTls === 'off' || isLoopback(config.console);
  const log = all.with({ part: 'console' });
  const serving = isPlain
    ? undefined
    : issueServerCertificate(parts.authority.current(), names, clock.nowMs());
  const server = await createConsole({
    listen: config.console,
    tls: serving && { cert: serving.tls.cert, key: serving.tls.key },
    routes: apiRoutes(parts),
    undoSeconds: config.undoSeconds,
    client,
    acting: config.acting,
    embedders: config.consoleEmbed,
    clock,
    log,
  });
  onListening(server.port);
  const renewal = serving ? [renew(parts, server, { ...options, serving, log })] : [];
  await runTasks(signal, [(group) => server.run(group), ...renewal]);
}

const renew =
  (
    { authority }: ControlPlane,
    server: ConsoleServer,
    { names, clock, random, log, serving }: RunOptions & { readonly serving: ServerCertificate },
  ): Task =>
  (group) =>
    runServerCertificate(
      serving,
      {
        authority: () => authority.current(),
        subscribe: (listener) => authority.subscribe(listener),
        names,
        apply: ({ cert, key }) => server.setTls({ cert, key }),
        clock,
        random,
        log,
      },
      group,
    );
