// The demo inside its sandbox: tells one act over the line to the outside, and leads visitors in.
import type { Server } from 'node:net';
import { assertNever } from '#base/assert-never.ts';
import { systemClock } from '#base/clock.ts';
import { renderFailure } from '#base/operator-error.ts';
import { runTasks } from '#base/tasks.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { CONSOLE_PORT } from '#lab/cluster.ts';
import { LibraryMesh } from '#lab/library-mesh.ts';
import { type Heard, Line } from '#lab/line.ts';
import { followBooks } from '#lab/story/books.ts';
import { judge } from '#lab/story/checks.ts';
import { type Evidence as LibraryEvidence, judgeLibrary } from '#lab/story/library-evidence.ts';
import { CONTROL_PLANE, LibraryWorld } from '#lab/story/library-world.ts';
import { Narrator, type StoryEvent } from '#lab/story/narrator.ts';
import { tellLibraryStory } from '#lab/story/tell-library.ts';
import { readVisit, type Telling } from '#lab/story/telling.ts';
import { tellStory } from '#lab/story/tell.ts';
import { followVisit, judgeOutside } from '#lab/story/outside.ts';
import { type Doors, receiveVisitors, visitorsKubeconfig } from '#lab/story/visitors.ts';
import { consoleCode } from '../commands/dashboard.ts';
import { applyInLab } from '../firewall/lab.ts';
import { parseRule } from '#reach/firewall/rule.ts';
import { meshApi } from '../mesh-api/client.ts';
import { credentialOf } from '../mesh-api/credential.ts';
import { actIn, CLOSER_LOOK, LOGS_VARIABLE, STEP_VARIABLE } from './acts.ts';

const COMING_UP =
  'coming up: two regions, a firewall between them, PostgreSQL, an API server, isthmusd, a node';

/** Whoever has gone for a coffee still finds the console's link good. */
const CODE_LIFE_SECONDS = 3600;

/** What an act needs of the process that it runs in. */
type Booth = {
  readonly line: Line;
  readonly heard: AsyncGenerator<Heard>;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
};

/**
 * @returns 0 for a story told to its end; whether all was seen is for the outside to say
 */
export async function runInside(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  const line = Line.out();
  if (!line) throw new Error('the demo is inside of a sandbox, and nobody is on the line');
  try {
    await runAct({ line, heard: line.hear(), env, signal });
    return 0;
  } catch (error) {
    await say(line, { kind: 'failed', ...renderFailure(error) }); // and the outside ends it all
    return renderFailure(error).exitStatus;
  } finally {
    line.close();
  }
}

async function runAct(booth: Booth): Promise<void> {
  const act = actIn(booth.env);
  switch (act) {
    case 'library':
      return await tellLibrary(booth, goOn);
    case 'library-once':
      return await tellLibrary(booth, receiveOne);
    case 'mesh':
      return await tellMesh(booth);
    default:
      return assertNever(act);
  }
}

const say = async (line: Line, telling: Telling): Promise<void> => await line.send(telling);

const teller =
  (line: Line) =>
  (event: StoryEvent): void =>
    void say(line, event);

/** The next message of this kind; what else is said before it has come too late. */
async function hearOf({ heard }: Booth, kind: string): Promise<Heard> {
  for (;;) {
    const { value, done } = await heard.next();
    if (done) throw new Error(`the line ended before anybody said "${kind}"`);
    if (value.message.kind === kind) return value;
  }
}

async function takeDoors(booth: Booth): Promise<Doors> {
  const taken: Partial<Record<string, Server>> = {};
  for (;;) {
    const { message, door } = await hearOf(booth, 'door');
    if (typeof message['name'] === 'string') taken[message['name']] = door;
    const { library, api, isthmusd, console } = taken;
    if (library && api && isthmusd && console) return { library, api, isthmusd, console };
  }
}

type Afterwards = (
  world: LibraryWorld,
  evidence: LibraryEvidence,
  parts: {
    readonly booth: Booth;
    readonly invitation: { readonly kubeconfig: string; readonly code: string };
  },
) => Promise<void>;

async function tellLibrary(booth: Booth, afterwards: Afterwards): Promise<void> {
  const { line, env, signal } = booth;
  const doors = await takeDoors(booth);
  teller(line)({ kind: 'step', text: COMING_UP });
  const logsDir = env[LOGS_VARIABLE];
  await using world = await LibraryWorld.create({
    env,
    ...(logsDir !== undefined && { logsDir }),
  });
  await using _visitors = receiveVisitors(world, doors);
  const isStepwise = env[STEP_VARIABLE] !== undefined;
  const pause = async (): Promise<void> => {
    await say(line, { kind: 'pause' });
    await hearOf(booth, 'go');
  };
  const narrator = new Narrator({ show: teller(line), signal, ...(isStepwise && { pause }) });
  const evidence = await tellLibraryStory(world, narrator);
  const kubeconfig = visitorsKubeconfig(world, doors);
  const code = await consoleCodeFor(world, signal);
  await afterwards(world, evidence, { booth, invitation: { kubeconfig, code } });
}

/** The administrator's: what one may do at the console, one may do with the kubeconfig, too. */
async function consoleCodeFor(world: LibraryWorld, signal: AbortSignal): Promise<string> {
  const url = `http://${CONTROL_PLANE.address}:${CONSOLE_PORT}`;
  const credential = credentialOf(await loadKubeconfig(world.cluster.kubeconfig), systemClock);
  const api = meshApi({ url, credential, caPem: undefined, signal });
  return await consoleCode(api, CODE_LIFE_SECONDS);
}

/** Until it is interrupted: whoever wants to may come in. */
const goOn: Afterwards = async (world, evidence, { booth, invitation }) => {
  const { line, signal } = booth;
  await say(line, { kind: 'judged', checks: judgeLibrary(evidence) });
  await say(line, { kind: 'open', ...invitation });
  const onBook = (title: string, count: number): void =>
    void say(line, { kind: 'book', title, count });
  await runTasks(signal, [
    (ending) => followBooks(world, onBook, ending),
    (ending) => changeFirewall(booth, ending),
  ]);
};

/** Puts rules in force that are asked for from outside, until the line ends. */
async function changeFirewall({ line, heard, env }: Booth, signal: AbortSignal): Promise<void> {
  for await (const { message } of heard) {
    const { kind, from, to, port } = message;
    if (kind !== 'rule') continue;
    const words = { from: String(from), to: String(to), port: String(port) };
    const problem = await applyInLab(parseRule(words), env, signal).then(
      () => '',
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    await say(line, { kind: 'ruled', problem });
  }
}

/** One visitor, who is waited for: what the story says of the inside is seen from outside. */
const receiveOne: Afterwards = async (world, evidence, { booth, invitation }) => {
  await say(booth.line, { kind: 'open', ...invitation });
  const { message } = await hearOf(booth, 'visited');
  const outside = await followVisit(world, readVisit(message));
  const checks = [...judgeLibrary(evidence), judgeOutside(outside)];
  await say(booth.line, { kind: 'judged', checks });
};

async function tellMesh({ line, env }: Booth): Promise<void> {
  const show = teller(line);
  const logsDir = env[LOGS_VARIABLE];
  await using mesh = await LibraryMesh.create({
    env,
    ...(logsDir !== undefined && { logsDir }),
    ...CLOSER_LOOK,
    onStep: (text) => show({ kind: 'step', text }),
  });
  const checks = judge(await tellStory(mesh, { show }));
  await say(line, { kind: 'judged', checks });
}
