// Step 2: is the client's connection taken by its proxy?
import type { AgentFacts, CaptureState } from '../evidence.ts';
import { failed, fix, nameOf, passed, unknown } from '../step.ts';
import type { Finding } from '../step.ts';
import type { Walk } from '../walk.ts';

export function captureStep({ question, evidence, hasProxy }: Walk): Finding {
  const { from } = question;
  if (from.isGateway) return passed('configured', `${nameOf(from)} is a gateway: it dials itself`);
  if (!hasProxy) {
    const summary = `${nameOf(from)} has no sidecar: it dials by itself, in plaintext`;
    return passed('configured', summary);
  }
  const { agent } = evidence.client;
  const probed = evidence.answers.capture;
  if (probed) return judge('probed', probed, from.name);
  if (agent === undefined) {
    const problem = evidence.answers.problems?.capture;
    const summary = `no word from the agent of ${nameOf(from)}: whether it captures is not known`;
    return unknown('configured', summary, { evidence: problem ? [problem] : [] });
  }
  return ofStatus(agent, from.name);
}

function ofStatus({ capture, isEnvoyRunning }: AgentFacts, name: string): Finding {
  if (isEnvoyRunning === false) {
    const summary = `Envoy does not run beside ${name}: captured connections are closed`;
    return failed('observed', summary, {
      fix: fix('look why', { command: `isthmus logs ${name}` }),
    });
  }
  if (capture === undefined) return unknown('observed', 'the agent has not said yet');
  return judge('observed', capture, name);
}

function judge(source: 'observed' | 'probed', capture: CaptureState, name: string): Finding {
  const { state, reason } = capture;
  const evidence = reason === '' ? [] : [reason];
  switch (state) {
    case 'verified':
      return passed(source, `connections of ${name} are redirected to its proxy`, { evidence });
    case 'off': {
      const summary = `${name} captures nothing: what it dials goes past its proxy`;
      return passed(source, summary, { evidence });
    }
    case 'failed': {
      const summary = `capture on ${name} does not work${reason && `: ${reason}`}`;
      const command = `isthmus logs ${name}`;
      const mend = fix('its agent says what is in the way', { command });
      return failed(source, summary, { evidence, fix: mend });
    }
    default:
      return unknown(source, `capture on ${name} is not in place yet`, { evidence });
  }
}
