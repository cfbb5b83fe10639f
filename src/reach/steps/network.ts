// Step 6: do packets get from the client's machine to the server's?
import { hostPort } from '#resolve/names.ts';
import { lastFailure, wasAnswered } from '../evidence.ts';
import type { Connect } from '../evidence.ts';
import { ago, failed, fix, nameOf, passed, unknown } from '../step.ts';
import type { Finding } from '../step.ts';
import type { Walk } from '../walk.ts';

export function networkStep(walk: Walk): Finding {
  const { evidence, server } = walk;
  const { direct } = evidence.answers;
  if (direct && server) return judge(walk, direct);
  if (wasAnswered(evidence) && evidence.flow) {
    const when = ago(evidence.flow.answeredMs, evidence.nowMs);
    return passed('observed', `the server answered on this way ${when}`);
  }
  const failure = lastFailure(evidence);
  const problem = evidence.answers.problems?.direct;
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

function judge(walk: Walk, { outcome, connectMs, reason }: Connect): Finding {
  const { server, evidence } = walk;
  const where = server ? hostPort(server.endpoint) : '';
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
        command: `ip route get ${server?.endpoint.address ?? ''}`,
      });
      return failed('probed', summary, { evidence: said, fix: mend });
    }
    case 'reset': {
      const summary = `the connection to ${where} was reset at once: a firewall rejects it`;
      return failed('probed', summary, { evidence: said, fix: allow(walk) });
    }
    default:
      return unknown('probed', `connect to ${where} could not be tried: ${reason || 'no reason'}`);
  }
}

function restart({ server }: Walk): Finding['fix'] {
  const port = server?.endpoint.port ?? 0;
  return fix(`start what is to listen on ${port}`, { command: `ss -ltnp 'sport = :${port}'` });
}

/** As narrow as it can be said: from this client, to this port. */
function allow({ question, server }: Walk): Finding['fix'] {
  const [client = ''] = question.from.addresses;
  const { address = '', port = 0 } = server?.endpoint ?? {};
  const whom = server?.workload ? nameOf(server.workload) : address;
  const family = client.includes(':') ? 'ip6' : 'ip';
  const from = client === '' ? '' : ` from ${client}`;
  const source = client === '' ? '' : `${family} saddr ${client} `;
  return fix(
    `allow tcp:${port}${from} to ${whom}, in the firewall of its network and on its machine`,
    { command: `nft insert rule inet filter input ${source}tcp dport ${port} accept` },
  );
}
