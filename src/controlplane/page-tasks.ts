// What isthmusd serves to people and their programs, as tasks of its run.
import { aborted, type Task } from '#base/tasks.ts';
import type { ServerNames } from '#ca/authority.ts';
import type { ControlPlane, ControlPlaneDependencies, ListeningPorts } from './build.ts';
import type { ControlPlaneConfig } from './config.ts';
import { runConsole } from './console/run.ts';
import { runPages } from './monitoring.ts';
import { controlPlanePages } from './pages.ts';

/** What people and their programs look at: the monitoring pages and the console. */
export function pageTasks(
  parts: ControlPlane,
  options: ControlPlaneDependencies & {
    readonly config: ControlPlaneConfig;
    readonly onListening?: (ports: ListeningPorts) => void;
    readonly names: ServerNames;
    readonly xdsPort: number;
    /** 0 (inclusive) to 1 (exclusive). */
    readonly random: () => number;
  },
): readonly Task[] {
  const { config, onListening, xdsPort } = options;
  const monitoring = Promise.withResolvers<number>();
  const console = Promise.withResolvers<number>();
  const pages = { listen: config.monitoring, pages: controlPlanePages(parts) };
  const shown = { ...options, onListening: console.resolve };
  return [
    (group) => parts.view.run(group),
    (group) => parts.policies.run(group),
    (group) => runPages({ ...pages, onListening: monitoring.resolve }, group),
    (group) => runConsole(parts, shown, group),
    async (group) => {
      const both = Promise.all([monitoring.promise, console.promise]);
      const ports = await Promise.race([both, aborted(group)]);
      if (ports) onListening?.({ xds: xdsPort, monitoring: ports[0], console: ports[1] });
    },
  ];
}
