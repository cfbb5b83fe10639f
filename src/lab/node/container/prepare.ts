// What a container waits for before it can start: its image, and all that its environment names.
// While it waits, its state and its Pod's Events say for what, in kubelet's words.
import { OperatorError } from '#base/operator-error.ts';
import type { Image } from '../image/catalogue.ts';
import { lookUpObjects } from '../object-source.ts';
import {
  type ContainerPlan,
  planContainer,
  planImage,
  type Planned,
  type Refusal,
} from '../pod/plan-container.ts';
import { environmentReferences } from '../pod/references.ts';
import { restartDelayMs } from '../pod/restart.ts';
import { type ContainerContext, note } from './context.ts';

export type OnWaiting = (reason: string, message: string) => void;

/** How long `ErrImagePull` is shown before it becomes `ImagePullBackOff`. */
const ERROR_SHOWN_MS = 1_000;

/** Rejects with the signal's reason when aborted first. */
export async function awaitImage(
  context: ContainerContext,
  onWaiting: OnWaiting,
  signal: AbortSignal,
): Promise<Image> {
  const { node, spec } = context;
  for (let attempt = 2; ; attempt += 1) {
    const planned = findInCatalogues(context);
    if (planned.ok) {
      const message = `Container image "${spec.image}" already present on machine`;
      note(context, 'Normal', 'Pulled', message);
      return planned.plan;
    }
    const { reason, message } = planned.refusal;
    onWaiting(reason, message);
    sayImageProblem(context, planned.refusal);
    const delayMs = restartDelayMs({ endsInRow: attempt }, node.timing.backoff);
    const showMs = Math.min(ERROR_SHOWN_MS, delayMs / 2);
    if (await changedWithin(context, showMs, signal)) continue;
    if (reason === 'ErrImagePull') {
      const backOff = `Back-off pulling image "${spec.image}"`;
      onWaiting('ImagePullBackOff', `${backOff}: ErrImagePull: ${message}`);
      note(context, 'Normal', 'BackOff', backOff);
      note(context, 'Warning', 'Failed', 'Error: ImagePullBackOff');
    }
    await changedWithin(context, delayMs - showMs, signal);
  }
}

function findInCatalogues({ node, spec }: ContainerContext): Planned<Image> {
  try {
    return planImage(spec, node.images.catalogues());
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    const message = `${error.message}; ${error.remedy}`;
    return { ok: false, refusal: { reason: 'ErrImagePull', message } };
  }
}

function sayImageProblem(context: ContainerContext, { reason, message }: Refusal): void {
  const { image } = context.spec;
  if (reason === 'ErrImagePull') {
    note(context, 'Normal', 'Pulling', `Pulling image "${image}"`);
    note(context, 'Warning', 'Failed', `Failed to pull image "${image}": ${message}`);
    note(context, 'Warning', 'Failed', 'Error: ErrImagePull');
    return;
  }
  const eventReason = reason === 'InvalidImageName' ? 'InspectFailed' : reason;
  note(context, 'Warning', eventReason, message);
  note(context, 'Warning', 'Failed', `Error: ${reason}`);
}

/** Waits, but not longer than until somebody adds an image. @returns whether somebody has */
async function changedWithin(
  { node }: ContainerContext,
  delayMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const change = node.images.changed(either).then(
    () => true,
    () => false,
  );
  const time = node.clock.sleep(delayMs, either).then(
    () => false,
    () => false,
  );
  const isChanged = await Promise.race([change, time]);
  over.abort();
  await Promise.all([change, time]);
  signal.throwIfAborted();
  return isChanged;
}

/** Rejects with the signal's reason when aborted first. */
export async function awaitConfiguration(
  context: ContainerContext,
  image: Image,
  onWaiting: OnWaiting,
  signal: AbortSignal,
): Promise<ContainerPlan> {
  const { node } = context;
  for (;;) {
    const planned = await configure(context, image, signal);
    if (planned.ok) {
      for (const key of planned.plan.skippedKeys) {
        const message = `Keys that are no names of variables were skipped: ${key}`;
        note(context, 'Warning', 'InvalidEnvironmentVariableNames', message);
      }
      return planned.plan;
    }
    const { reason, message } = planned.refusal;
    onWaiting(reason, message);
    note(context, 'Warning', 'Failed', `Error: ${message}`);
    await node.clock.sleep(node.timing.retryMs, signal);
  }
}

async function configure(
  context: ContainerContext,
  image: Image,
  signal: AbortSignal,
): Promise<Planned<ContainerPlan>> {
  const { node, place, spec: container } = context;
  const pod = context.pod();
  try {
    const references = environmentReferences(container);
    const lookup = await lookUpObjects(node.client, pod.namespace, references, signal);
    return planContainer({ pod, place, container, image, lookup, nodeEnv: node.env });
  } catch (error) {
    signal.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, refusal: { reason: 'CreateContainerConfigError', message } };
  }
}
