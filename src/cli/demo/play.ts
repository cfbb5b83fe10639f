// One act of the demo, seen from outside: its sandbox, its doors, an answer to all that it says.
import { assertNever } from '#base/assert-never.ts';
import { openDoor, portOf } from '#lab/door.ts';
import type { Line } from '#lab/line.ts';
import { runInSandbox } from '#lab/sandbox.ts';
import type { Check } from '#lab/story/checks.ts';
import { readTelling, type Telling } from '#lab/story/telling.ts';
import { DOORS, type DoorName, type Doors } from '#lab/story/visitors.ts';
import type { Rule } from '#reach/firewall/rule.ts';
import { ACT_VARIABLE, LOGS_VARIABLE, type SandboxAct, STEP_VARIABLE } from './acts.ts';
import type { Belongings } from './belongings.ts';
import { planInvitation, PORTS } from './invitation.ts';
import { LabSocket } from './lab-socket.ts';
import type { Stage } from './stage.ts';
import { visitLibrary } from './visitor.ts';

export type ActParts = {
  readonly stage: Stage;
  readonly belongings: Belongings;
  readonly isStepwise: boolean;
  readonly env: NodeJS.ProcessEnv;
  /** Ends the act at once. */
  readonly signal: AbortSignal;
  readonly onJudged: (checks: readonly Check[]) => void;
};

export type Failure = Extract<Telling, { readonly kind: 'failed' }>;

/**
 * @returns why it could not be played to its end; undefined when it was, or was interrupted
 * @throws OperatorError LAB_FAILED
 */
export async function playAct(act: SandboxAct, parts: ActParts): Promise<Failure | undefined> {
  const { env, signal, belongings, isStepwise } = parts;
  const end = new AbortController();
  let failure: Failure | undefined;
  const command = [process.execPath, ...process.execArgv, process.argv[1] ?? '', 'demo'];
  const exitStatus = await runInSandbox(command, {
    env: {
      ...env,
      [ACT_VARIABLE]: act,
      [LOGS_VARIABLE]: belongings.logs,
      [STEP_VARIABLE]: isStepwise ? 'yes' : undefined,
    },
    signal: AbortSignal.any([signal, end.signal]),
    converse: async (line) => {
      const heard = line.hear();
      const ports = act === 'mesh' ? NO_PORTS : await handInDoors(line);
      const rules = new Rules(line);
      await using _socket = await LabSocket.open(belongings.socket, (rule) => rules.ask(rule));
      for await (const { message } of heard) {
        const telling = readTelling(message);
        if (telling?.kind === 'failed') failure = telling;
        else if (telling?.kind === 'ruled') rules.answer(telling.problem);
        else if (telling) await answer(telling, { ...parts, act, line, ports });
        if (failure) end.abort(); // what has failed need not end in good order
      }
    },
  });
  if (failure || exitStatus === 0 || signal.aborted) return failure;
  return { kind: 'failed', text: `the lab ended with status ${exitStatus}`, exitStatus };
}

/** Rules that are asked for inside, one at a time. */
class Rules {
  readonly #line: Line;
  #settle: ((problem: string) => void) | undefined;

  constructor(line: Line) {
    this.#line = line;
  }

  async ask({ from, to, tcpPort }: Rule): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#settle = resolve;
    await this.#line.send({ kind: 'rule', from, to, port: tcpPort });
    return await promise;
  }

  answer(problem: string): void {
    this.#settle?.(problem);
  }
}

type Ports = Readonly<Record<DoorName, number>>;
const NO_PORTS: Ports = { library: 0, api: 0, isthmusd: 0, console: 0 };

/** The inside answers them from now on, so their ports are ours as long as it lives. */
async function handInDoors(line: Line): Promise<Ports> {
  const [library, api, isthmusd, console] = await Promise.all([
    openDoor(PORTS.library),
    openDoor(PORTS.api),
    openDoor(PORTS.isthmusd),
    openDoor(PORTS.console),
  ]);
  const doors: Doors = { library, api, isthmusd, console };
  const ports = {
    library: portOf(library),
    api: portOf(api),
    isthmusd: portOf(isthmusd),
    console: portOf(console),
  };
  for (const name of DOORS) {
    await line.send({ kind: 'door', name }, doors[name]);
    doors[name].close();
  }
  return ports;
}

type Answering = ActParts & {
  readonly act: SandboxAct;
  readonly line: Line;
  readonly ports: Ports;
};

type Answerable = Exclude<Telling, Failure | { readonly kind: 'ruled' }>;

async function answer(telling: Answerable, parts: Answering): Promise<void> {
  const { stage, act, line, ports, belongings, signal } = parts;
  switch (telling.kind) {
    case 'pause':
      await stage.pause(signal);
      return await line.send({ kind: 'go' });
    case 'judged':
      return parts.onJudged(telling.checks);
    case 'book':
      return stage.showBook(telling);
    case 'open': {
      const invitation = planInvitation(ports, {
        settings: belongings.furnish(telling.kubeconfig),
        code: telling.code,
      });
      if (act !== 'library-once') return stage.invite(invitation);
      return await line.send({ kind: 'visited', ...(await visitLibrary(invitation.url, signal)) });
    }
    case 'chapter':
    case 'step':
    case 'command':
    case 'line':
      return stage.show(telling);
    default:
      return assertNever(telling);
  }
}
