// Step 6: do packets get from the client's machine to the server's?
import { canonicalIp } from '#base/ip.ts';
import { hostPort } from '#resolve/names.ts';
import { lastFailure, reachedLately } from '../evidence.ts';
import type { Connect } from '../evidence.ts';
import { ago, failed, fix, nameOf, passed, unknown } from '../step.ts';
import type { Finding } from '../step.ts';
import { renderRule } from '../firewall/clouds.ts';
import { parseRule } from '../firewall/rule.ts';
import type { ServerEnd, Walk } from '../walk.ts';

export function networkStep(walk: Walk): Finding {
  const { evidence, server } = walk;
  const { direct } = evidence.answers;
  const judged = direct && server && judge(walk, server, direct);
  if (judged) return judged;
  const reachedMs = reachedLately(evidence);
  if (reachedMs !== undefined) {
    const when = ago(reachedMs, evidence.nowMs);
    const what =
      evidence.flow?.answeredMs === reachedMs ? 'the server answered' : 'a connection came';
    return passed('observed', `${what} on this way ${when}`);
  }
  const failure = lastFailure(evidence);
  const problem =
    evidence.answers.problems?.direct ?? (direct && `a probe failed: ${direct.reason}`);
  const notes = [
    ...(problem === undefined ? [] : [problem]),
    ...(failure
      ? [`connections failed ${ago(failure.atMs, evidence.nowMs)}: ${failure.text}`]
      : []),
  ];
  return unknown('configured', 'nothing was seen on this way lately; a probe would tell', {
    evidence: notes,
  });
}

/** @returns undefined: it could not be tried, which tells nothing; traffic may */
function judge(
  walk: Walk,
  { endpoint }: ServerEnd,
  { outcome, connectMs, reason }: Connect,
): Finding | undefined {
  const { evidence } = walk;
  const where = hostPort(endpoint);
  const took = `${(connectMs / 1000).toFixed(1)} s`;
  const said = reason === '' ? [] : [reason];
  switch (outcome) {
    case 'connected':
      return passed('probed', `connect to ${where} took ${Math.round(connectMs)} ms`);
    case 'refused': {
      const summary = `connect to ${where} was refused: the machine was reached, nobody listens`;
      return failed('probed', summary, { evidence: said, fix: restart(walk) });
    }
    case 'timed-out': {
      const isUp = evidence.server?.agent !== undefined;
      const notes = isUp
        ? ["the server's agent is connected: its machine is up, and the port is filtered"]
        : [];
      const summary = `connect to ${where} timed out after ${took}: packets are dropped on the way`;
      return failed('probed', summary, { evidence: [...notes, ...said], fix: allow(walk) });
    }
    case 'unreachable': {
      const summary = `${where} is unreachable: there is no route to it`;
      const mend = fix(`route the network of ${where} from the client's machine`, {
        command: `ip route get ${endpoint.address}`,
      });
      return failed('probed', summary, { evidence: said, fix: mend });
    }
    case 'reset': {
      const summary = `the connection to ${where} was reset at once: a firewall rejects it`;
      return failed('probed', summary, { evidence: said, fix: allow(walk) });
    }
    default:
      return undefined;
  }
}

function restart({ server }: Walk): Finding['fix'] {
  const port = server?.endpoint.port ?? 0;
  return fix(`start what is to listen on ${port}`, { command: `ss -ltnp 'sport = :${port}'` });
}

/**
 * As narrow as it can be said: from this client, to this port; in the words of those who drop
 * packets mostly. None of these firewalls is ours to look into, so what drops them is not named.
 */
function allow({ question, server }: Walk): Finding['fix'] {
  const [client = ''] = question.from.addresses;
  const { address = '', port = 0 } = server?.endpoint ?? {};
  const whom = server?.workload ? nameOf(server.workload) : address;
  const from = client === '' ? '' : ` from ${client}`;
  const text = `allow tcp:${port}${from} to ${whom}, in the firewall of its network and on its machine`;
  const isOneVersion = client.includes(':') === address.includes(':');
  if (canonicalIp(client) === undefined || canonicalIp(address) === undefined || !isOneVersion) {
    return fix(text, { command: `nft insert rule inet filter input tcp dport ${port} accept` });
  }
  const rule = parseRule({ from: client, to: address, port: String(port) });
  const [gcloud, nft] = [renderRule('gcp', rule), renderRule('nftables', rule)];
  const commands = [
    { label: 'gcloud', command: gcloud },
    { label: 'nft', command: nft },
  ];
  return fix(text, { command: nft, commands });
}
