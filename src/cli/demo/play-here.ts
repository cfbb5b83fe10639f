// The act that needs no sandbox: machines are loopback addresses, and everything is told from here.
import { OperatorError, renderFailure } from '#base/operator-error.ts';
import { aborted } from '#base/tasks.ts';
import { LoopbackLibraryMesh } from '#lab/loopback/library-mesh.ts';
import { type Check, judge } from '#lab/story/checks.ts';
import type { StoryEvent } from '#lab/story/narrator.ts';
import { tellStory } from '#lab/story/tell.ts';
import { CLOSER_LOOK } from './acts.ts';
import type { ActParts, Failure } from './play.ts';

/** What the other lab shows, and this one cannot. */
const NOT_HERE: readonly string[] = [
  'capture: a program that knows of no mesh dials the service itself; here it dials its own proxy',
  'the firewall between two regions, and tcpdump on the wire: here a relay records every byte',
  "names: the mesh's answers to DNS",
  'a cluster with nodes, Pods and a way in, to be visited with kubectl and a browser',
];

/**
 * @returns why it could not be played to its end; undefined when it was, or was interrupted
 */
export async function playHere(parts: ActParts): Promise<Failure | undefined> {
  const { stage, signal } = parts;
  const show = (event: StoryEvent): void => {
    if (!signal.aborted) stage.show(event);
  };
  try {
    const checks = await tell(parts, show);
    if (signal.aborted || checks === undefined) return undefined;
    show({ kind: 'chapter', title: 'Not here' });
    for (const text of NOT_HERE) show({ kind: 'line', text });
    parts.onJudged(checks);
    return undefined;
  } catch (error) {
    if (signal.aborted) return undefined; // its programs were ended under it
    if (error instanceof OperatorError) return { kind: 'failed', ...renderFailure(error) };
    throw error;
  }
}

/** @returns undefined when it was interrupted */
async function tell(
  { env, belongings, signal }: ActParts,
  show: (event: StoryEvent) => void,
): Promise<readonly Check[] | undefined> {
  await using mesh = await LoopbackLibraryMesh.create({
    env,
    logsDir: belongings.logs,
    ...CLOSER_LOOK,
    onStep: (text) => show({ kind: 'step', text }),
  });
  const told = tellStory(mesh, { show });
  const evidence = await Promise.race([told, aborted(signal)]);
  return evidence ? judge(evidence) : undefined;
}
