// Can A reach B, and why (not)? Eleven steps in the order of the way; the first that fails decides.
// Pure: what must be tried is a list of probes, and what came of them a part of the evidence.
import { REACH_STEPS } from '#api/reach.ts';
import type { ReachResult, ReachStep, ReachStepName } from '#api/reach.ts';
import type { Evidence } from './evidence.ts';
import { shortHost } from './hosts.ts';
import type { Question } from './question.ts';
import { nameOf } from './step.ts';
import type { Finding } from './step.ts';
import { authorizationStep } from './steps/authorization.ts';
import { captureStep } from './steps/capture.ts';
import { nameStep } from './steps/name.ts';
import { networkStep } from './steps/network.ts';
import { endpointsStep, listenerStep, routeStep } from './steps/route.ts';
import { applicationStep, portStep } from './steps/server.ts';
import { identityStep, tlsStep } from './steps/tls.ts';
import { walkOf } from './walk.ts';
import type { Walk, World } from './walk.ts';

const STEPS: Readonly<Record<ReachStepName, (walk: Walk) => Finding>> = {
  name: nameStep,
  capture: captureStep,
  listener: listenerStep,
  route: routeStep,
  endpoints: endpointsStep,
  network: networkStep,
  tls: tlsStep,
  identity: identityStep,
  authorization: authorizationStep,
  port: portStep,
  application: applicationStep,
};

export const STEP_TITLES: Readonly<Record<ReachStepName, string>> = {
  name: 'Name',
  capture: 'Capture',
  listener: 'Listener',
  route: 'Route',
  endpoints: 'Endpoints',
  network: 'Network',
  tls: 'TLS',
  identity: 'Identity',
  authorization: 'Authorization',
  port: 'Port',
  application: 'Application',
};

/** @param options.isProbing as it was asked, for the command that asks the same */
export function explain(
  world: World,
  question: Question,
  options: { readonly evidence: Evidence; readonly isProbing: boolean },
): ReachResult {
  const { evidence, isProbing } = options;
  const walk = walkOf(world, question, evidence);
  const steps: ReachStep[] = [];
  let hasFailed = false;
  for (const name of REACH_STEPS) {
    const found = STEPS[name](walk);
    const step = { name, ...found };
    // what lies behind is still foretold, but decides nothing
    steps.push(hasFailed ? { ...step, verdict: 'not-reached', fix: null } : step);
    hasFailed ||= found.verdict === 'failed';
  }
  return {
    from: nameOf(question.from),
    to: question.name,
    host: walk.service?.host ?? '',
    port: walk.port,
    ...verdictOf(steps),
    because: becauseOf(steps),
    steps,
    atMs: evidence.nowMs,
    command: commandOf(world, question, isProbing),
  };
}

/**
 * Does the way back end at another step, or not at all? That nobody knows what becomes of it is not
 * news.
 */
export function endsOtherwise(there: ReachResult, back: ReachResult): boolean {
  if (back.verdict === 'unknown') return false;
  if (there.verdict === 'unknown') return back.verdict === 'cannot';
  return there.verdict !== back.verdict || there.summary !== back.summary;
}

function verdictOf(steps: readonly ReachStep[]): Pick<ReachResult, 'verdict' | 'summary'> {
  const failed = steps.findIndex(({ verdict }) => verdict === 'failed');
  const count = steps.length;
  const step = steps[failed];
  if (step) {
    const title = STEP_TITLES[step.name];
    const place = `stopped at step ${failed + 1} of ${count}: ${title}`;
    return { verdict: 'cannot', summary: `Cannot connect — ${place}.` };
  }
  const unknown = steps.filter(({ verdict }) => verdict === 'unknown');
  if (unknown.length === 0) return { verdict: 'can', summary: 'Can connect.' };
  const titles = unknown.map(({ name }) => STEP_TITLES[name]).join(', ');
  return { verdict: 'unknown', summary: `Cannot tell — not known: ${titles}.` };
}

/** For audits: what would have to change for A not to reach B any more. */
function becauseOf(steps: readonly ReachStep[]): string {
  if (steps.some(({ verdict }) => verdict !== 'passed')) return '';
  const said = (name: ReachStepName): string =>
    steps.find((step) => step.name === name)?.summary ?? '';
  return [said('authorization'), said('identity'), said('tls')].join('; ');
}

function commandOf({ mesh }: World, { from, name, target }: Question, isProbing: boolean): string {
  const whom = 'workload' in target && target.workload ? nameOf(target.workload) : undefined;
  const to = whom ?? shortHost(mesh, name, '');
  const place = to.includes(':') ? `[${to}]` : to;
  return `isthmus why ${nameOf(from)} ${place}:${target.port}${isProbing ? ' --probe' : ''}`;
}
