// `isthmus top`: who talks to whom now, how much, and whether it is encrypted.
import { randomInt } from 'node:crypto';
import { systemClock } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { Surroundings } from '../command.ts';
import type { OutputFormat } from '../common-flags.ts';
import { fetchSnapshot, followMesh, type Moment } from '../mesh/follow.ts';
import { MeshState } from '../mesh/state.ts';
import { renderSummary, renderTop, topRows } from '../mesh/top.ts';
import { openMeshApi, type MeshApi, type MeshApiWords } from '../mesh-api/client.ts';
import { renderOutput } from '../render.ts';

type TopCall = Surroundings & {
  readonly flags: MeshApiWords & {
    readonly namespace: string | undefined;
    readonly once: boolean;
    readonly output: OutputFormat;
  };
};

export type Screen = {
  readonly rows: number;
  readonly columns: number;
  readonly write: (text: string) => void;
};

/** ECMA-48: home, erase to the end of the line and of the screen, hide and show the cursor. */
const HOME = '\u001B[H';
const ERASE_LINE = '\u001B[K';
const ERASE_BELOW = '\u001B[J';
const HIDE_CURSOR = '\u001B[?25l';
const SHOW_CURSOR = '\u001B[?25h';

/** @throws OperatorError CONTROL_PLANE_UNREACHABLE, CONTROL_PLANE_REFUSED, USAGE */
export async function runTop(call: TopCall): Promise<number> {
  const { stdout } = process;
  const { isTTY, rows, columns } = stdout;
  const screen = isTTY
    ? { rows, columns, write: (text: string) => void stdout.write(text) }
    : undefined;
  return await showTop(await openMeshApi(call.flags, call), call, screen);
}

/** @param screen undefined: no terminal, for which once is enough */
export async function showTop(
  api: MeshApi,
  call: TopCall,
  screen: Screen | undefined,
): Promise<number> {
  const { flags, signal, print } = call;
  const { output, namespace, once } = flags;
  if (once || output !== 'table' || screen === undefined) {
    const state = new MeshState(await fetchSnapshot(api));
    const rows = topRows(state, namespace);
    print(renderOutput(output, rows, () => `${renderSummary(state)}\n\n${renderTop(rows)}`));
    return 0;
  }
  const random = (): number => randomInt(2 ** 32) / 2 ** 32;
  screen.write(HIDE_CURSOR);
  try {
    for await (const moment of followMesh(api, { clock: systemClock, random, signal })) {
      screen.write(renderScreen(moment, namespace, screen));
    }
  } catch (error) {
    if (!signal.aborted || error instanceof OperatorError) throw error;
  } finally {
    screen.write(SHOW_CURSOR);
  }
  return 0;
}

/** Draws over what was there: nothing flickers, and what was longer before is erased. */
export function renderScreen(
  moment: Moment,
  namespace: string | undefined,
  { rows, columns }: Pick<Screen, 'rows' | 'columns'>,
): string {
  const { state } = moment;
  const lost = moment.what === 'lost' ? [`FEED LOST, retrying: ${moment.problem}`] : [];
  const table = renderTop(topRows(state, namespace)).split('\n');
  const lines = [renderSummary(state), ...lost, '', ...table];
  const shown =
    lines.length < rows
      ? lines
      : [...lines.slice(0, rows - 2), `… ${lines.length - rows + 2} more`];
  const drawn = shown.map((line) => line.slice(0, columns).toWellFormed() + ERASE_LINE);
  return `${HOME}${drawn.join('\n')}\n${ERASE_BELOW}`;
}
