// What a container of the lab's node prints, line by line, from the file that the node keeps.
import { globSync, readFileSync } from 'node:fs';
import { systemClock } from '#base/clock.ts';
import { isAbort } from '#base/tasks.ts';
import { parseLogLine } from '../node/container/log.ts';

const POLL_MS = 150;

export type LogSource = {
  readonly logsDir: string;
  readonly namespace: string;
  readonly deployment: string;
  readonly container: string;
};

/** Tells every line once, also those printed before; ends when aborted. */
export async function followLog(
  source: LogSource,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let told = 0;
  try {
    for (;;) {
      const lines = readLog(source);
      for (const line of lines.slice(told)) onLine(line);
      told = lines.length;
      await systemClock.sleep(POLL_MS, signal);
    }
  } catch (error) {
    if (!isAbort(error, signal)) throw error;
  }
}

function readLog({ logsDir, namespace, deployment, container }: LogSource): readonly string[] {
  return globSync(`${logsDir}/pods/${namespace}_${deployment}-*/${container}/*.log`)
    .toSorted()
    .flatMap((path) => readFileSync(path, 'utf8').split('\n'))
    .flatMap((line) => parseLogLine(line)?.text ?? []);
}
