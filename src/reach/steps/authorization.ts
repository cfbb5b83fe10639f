// Step 9: would the server's policies let the call in?
import type { ReachFix } from '#api/reach.ts';
import { spiffeIdOf } from '#base/workload-identity.ts';
import type { AuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import { AUTHORIZATION_POLICY } from '#kube/resources.ts';
import { outboundSni } from '#resolve/names.ts';
import { authorize, ruleText } from '../authorize.ts';
import type { Decision, PortPolicies, RuleRef } from '../authorize.ts';
import { RECENT_MS, wasAnswered } from '../evidence.ts';
import { nearMisses } from '../near-miss.ts';
import type { NearMiss } from '../near-miss.ts';
import { allowing, excepting, principalOf } from '../policy-yaml.ts';
import { portPolicies } from '../port-policies.ts';
import type { CallFacts } from '../rbac-truth.ts';
import { ago, failed, fix, nameOf, passed, unknown } from '../step.ts';
import type { Finding } from '../step.ts';
import { identityOf } from '../proxy-identity.ts';
import type { ServerEnd, Walk } from '../walk.ts';

export function authorizationStep(walk: Walk): Finding {
  const { server, mesh } = walk;
  if (server === undefined) return unknown('configured', 'who is there is not known');
  const { workload } = server;
  if (workload === undefined || (server.known?.tlsMode ?? workload.tlsMode) !== 'istio') {
    const summary = 'no proxy stands before the server: no policy is asked';
    return passed('configured', summary);
  }
  const port = server.known?.port ?? server.endpoint.port;
  const policies = portPolicies(mesh, workload, { port });
  const call = callOf(walk, server, workload.addresses[0]);
  const decision = authorize(policies, call);
  const notes = notesOf(walk, policies);
  switch (decision.verdict) {
    case 'allowed':
      return passed('configured', decision.reason, {
        evidence: notes,
        object: objectOf(decision.rule),
      });
    case 'unknown':
      return undecided(walk, decision, notes);
    default:
      return refused({ decision, policies, call, notes, client: nameOf(walk.question.from) });
  }
}

/** Rules do not tell: what became of calls does, if only of those that were made. */
function undecided(
  { evidence }: Walk,
  { reason, rule }: Decision,
  notes: readonly string[],
): Finding {
  const { flow, denied, nowMs } = evidence;
  const object = objectOf(rule);
  const answeredMs = flow?.answeredMs ?? 0;
  if (!wasAnswered(evidence) || (denied && denied.atMs >= answeredMs)) {
    return unknown('configured', reason, { evidence: notes, object });
  }
  const summary = `calls of this client were let in and answered ${ago(answeredMs, nowMs)}`;
  return passed('observed', summary, { evidence: [`by rules: ${reason}`, ...notes], object });
}

/** The call as the server's proxy would see it. */
export function callOf(
  { mesh, question, service, port }: Walk,
  { endpoint, known }: ServerEnd,
  serverAddress: string | undefined,
): CallFacts {
  const isOfMesh = endpoint.tls === 'mTLS';
  return {
    principal: isOfMesh ? spiffeIdOf(identityOf(mesh, question.from)) : '',
    sourceAddress: question.from.addresses[0],
    destinationAddress: serverAddress ?? endpoint.address,
    destinationPort: known?.port ?? endpoint.port,
    sni: isOfMesh && service ? outboundSni({ host: service.host, port }) : '',
  };
}

/** Every policy that was asked, in the order of evaluation; and what was refused lately. */
function notesOf({ evidence }: Walk, { authorization }: PortPolicies): readonly string[] {
  const { custom, deny, allow } = authorization;
  const asked = [...custom, ...deny, ...allow].map(
    ({ action, namespace, name, isDryRun }) =>
      `${action} ${namespace}/${name}${isDryRun ? ' (dry run: decides nothing)' : ''}`,
  );
  const { denied, nowMs } = evidence;
  const isRecent = denied && nowMs - denied.atMs <= RECENT_MS;
  const by = denied?.policy ? ` by ${denied.policy}` : '';
  return [
    ...(asked.length > 0 ? [`in this order: ${asked.join(', ')}`] : []),
    ...(isRecent ? [`a call was refused${by} ${ago(denied.atMs, nowMs)}`] : []),
  ];
}

type Refusal = {
  readonly decision: Decision;
  readonly policies: PortPolicies;
  readonly call: CallFacts;
  readonly notes: readonly string[];
  readonly client: string;
};

function refused({ decision, policies, call, notes, client }: Refusal): Finding {
  const { rule, reason } = decision;
  if (rule) {
    const { custom, deny } = policies.authorization;
    const policy = find([...deny, ...custom], rule);
    return failed('configured', reason, {
      evidence: notes,
      object: objectOf(rule),
      fix: policy ? exception(policy, { rule, call, client }) : null,
    });
  }
  const near = nearMisses(policies, call);
  const [nearest] = near;
  const { allow } = policies.authorization;
  const policy = (nearest && find(allow, nearest.rule)) ?? allow.find(({ isDryRun }) => !isDryRun);
  return failed('configured', reason, {
    evidence: [...near.map(missText), ...notes],
    object: policy ? objectOf({ ...policy, index: 0 }) : null,
    fix: policy ? addition(policy, call, client) : null,
  });
}

const missText = ({ rule, misses }: NearMiss): string =>
  `${ruleText(rule)} would match, but ${misses.join(', and ')}`;

function exception(
  policy: AuthorizationPolicy,
  {
    rule,
    call,
    client,
  }: { readonly rule: RuleRef; readonly call: CallFacts; readonly client: string },
): ReachFix {
  const whom = call.principal ? principalOf(call.principal) : call.sourceAddress;
  const yaml = excepting(policy, rule.index, call);
  return fix(`except ${client} (${whom}) from ${ruleText(rule)}`, { yaml, command: APPLY });
}

function addition(policy: AuthorizationPolicy, call: CallFacts, client: string): ReachFix {
  const whom = call.principal ? principalOf(call.principal) : call.sourceAddress;
  const where = `${policy.namespace}/${policy.name}`;
  const text = `add a rule for ${client} (${whom}) to ${where}`;
  return fix(text, { yaml: allowing(policy, call), command: APPLY });
}

const APPLY = 'kubectl apply -f -';

const find = (
  policies: readonly AuthorizationPolicy[],
  { namespace, name }: RuleRef,
): AuthorizationPolicy | undefined =>
  policies.find((policy) => policy.namespace === namespace && policy.name === name);

const objectOf = (rule: RuleRef | undefined): Finding['object'] =>
  rule ? { kind: AUTHORIZATION_POLICY.kind, namespace: rule.namespace, name: rule.name } : null;
