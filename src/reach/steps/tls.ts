// Steps 7 and 8: do both ends agree on encryption, and whom does the server see?
import type { CertificateFacts, Evidence, Side } from '../evidence.ts';
import { lastFailure, RECENT_MS } from '../evidence.ts';
import { spiffeIdOf } from '#base/workload-identity.ts';
import type { MtlsMode } from '#istio/peerauthentication/peer-authentication.ts';
import { trustDomainsOf } from '#resolve/tls.ts';
import { ago, failed, fix, nameOf, passed, unknown } from '../step.ts';
import type { Finding } from '../step.ts';
import { identityOf } from '../proxy-identity.ts';
import { tlsMismatch } from '../tls-match.ts';
import { tlsOrigin } from '../tls-origin.ts';
import type { ServerEnd, Walk } from '../walk.ts';

/** More than this fakes ends and beginnings of certificates. */
const SKEW_MS_MAX = 5000;

export function tlsStep(walk: Walk): Finding {
  const { server } = walk;
  if (server === undefined) return unknown('configured', 'who is there is not known');
  const disagreement = modesProblem(walk, server);
  if (disagreement) return disagreement;
  if (server.endpoint.tls !== 'mTLS') return withoutMesh(walk, server);
  const untrusted = identityProblem(walk, server) ?? certificatesProblem(walk);
  if (untrusted) return untrusted;
  const { evidence } = walk;
  const { flow, nowMs } = evidence;
  const notes = skewNotes(evidence);
  const failure = lastFailure(evidence);
  if (failure && /\bTLS\b|certificate/i.test(failure.text)) {
    const summary = `the handshake failed ${ago(failure.atMs, nowMs)}: ${failure.text}`;
    return failed('observed', summary, { evidence: notes });
  }
  if (flow && flow.encryption.seenAtMs > nowMs - RECENT_MS && flow.encryption.version !== '') {
    const { version, cipher, seenAtMs } = flow.encryption;
    const summary = `mutual TLS, ${version} ${cipher}`.trim();
    return passed('observed', `${summary}, seen ${ago(seenAtMs, nowMs)}`, {
      ...reasons(walk, server, notes),
    });
  }
  const mode = modeOf(walk, server);
  const summary = `mutual TLS: the client offers it, the server (${mode}) takes it`;
  return passed('configured', summary, reasons(walk, server, notes));
}

/** Which objects, or defaults, it comes of. */
function reasons(
  { mesh, question: { from }, service }: Walk,
  { workload: to, known, endpoint }: ServerEnd,
  notes: readonly string[],
): Pick<Finding, 'evidence' | 'object'> {
  const port = known?.port ?? endpoint.port;
  const { server, client } = tlsOrigin(mesh, { from, to, port, service });
  const evidence = [`server: ${server.text}`, `client: ${client.text}`, ...notes];
  return { evidence, object: server.object ?? client.object };
}

/** What the server demands; `no sidecar` where nothing could demand it. */
function modeOf({ mesh }: Walk, { workload, known, endpoint }: ServerEnd): MtlsMode | 'no sidecar' {
  if (workload === undefined || (known?.tlsMode ?? workload.tlsMode) !== 'istio')
    return 'no sidecar';
  return mesh.mtlsMode(workload, known?.port ?? endpoint.port);
}

function modesProblem(walk: Walk, server: ServerEnd): Finding | undefined {
  const mode = modeOf(walk, server);
  const from = nameOf(walk.question.from);
  const { endpoint, workload, known } = server;
  const port = known?.port ?? endpoint.port;
  const whom = workload ? nameOf(workload) : endpoint.address;
  const demanded = mode === 'no sidecar' ? undefined : mode;
  const mismatch = tlsMismatch(endpoint.tls, { mode: demanded, port });
  if (mismatch === undefined) return undefined;
  const why = reasons(walk, server, []);
  switch (mismatch) {
    case 'no-proxy': {
      if (known === undefined) return undefined;
      const summary = `the client speaks mesh TLS, and ${whom} has no sidecar that would take it`;
      const mend = fix('let the DestinationRule of the host say tls.mode DISABLE');
      return failed('configured', summary, { ...why, fix: mend });
    }
    case 'not-mutual': {
      const spoken = endpoint.tls === 'plaintext' ? 'plaintext' : 'TLS of its own';
      const summary = `${whom} takes mutual TLS only (STRICT), and ${from} speaks ${spoken}`;
      const text = walk.hasProxy
        ? "take tls.mode DISABLE out of the host's DestinationRule"
        : `give ${from} a sidecar, or let port ${port} be PERMISSIVE`;
      return failed('configured', summary, { ...why, fix: fix(text) });
    }
    case 'switched-off': {
      const summary = `the client speaks mesh TLS, and ${whom} does not take it (DISABLE)`;
      const text =
        "let the host's DestinationRule say tls.mode DISABLE, or the server take mesh TLS";
      return failed('configured', summary, { ...why, fix: fix(text) });
    }
    default: {
      const summary = `on port ${port} Envoy does not look for TLS: PERMISSIVE is plaintext there`;
      return failed('configured', summary, { fix: fix(`make port ${port} of ${whom} STRICT`) });
    }
  }
}

function withoutMesh(walk: Walk, server: ServerEnd): Finding {
  const mode = modeOf(walk, server);
  const how = server.endpoint.tls === 'plaintext' ? 'plaintext' : 'TLS of its own';
  const summary = `${how}: the server (${mode}) takes it, and nobody proves who they are`;
  return passed('configured', summary, reasons(walk, server, []));
}

/** Whom the client expects there, and who is. */
function identityProblem({ mesh }: Walk, server: ServerEnd): Finding | undefined {
  const { known, workload, endpoint } = server;
  const account = known?.serviceAccount || workload?.serviceAccount;
  if (!account || endpoint.accepts.length === 0) return undefined;
  const namespace = known?.namespace ?? workload?.namespace ?? '';
  const names = trustDomainsOf(mesh.config()).map((trustDomain) =>
    spiffeIdOf({ trustDomain, namespace, serviceAccount: account }),
  );
  if (names.some((name) => endpoint.accepts.includes(name))) return undefined;
  const summary = `the client accepts ${endpoint.accepts.join(', ')} there, not ${names[0]}`;
  const mend = fix(`add ${names[0]} to subjectAltNames of the DestinationRule or ServiceEntry`);
  return failed('configured', summary, { fix: mend });
}

function certificatesProblem({ evidence, question, server }: Walk): Finding | undefined {
  const ends: readonly (readonly [string, Side | undefined])[] = [
    [nameOf(question.from), evidence.client],
    [server?.workload ? nameOf(server.workload) : 'the server', evidence.server],
  ];
  for (const [name, side] of ends) {
    const problem = side?.certificate && certificateProblem(side.certificate, evidence.nowMs);
    if (problem === undefined) continue;
    const skew = side?.agent?.clockSkewMs ?? 0;
    const notes = Math.abs(skew) > SKEW_MS_MAX ? [skewText(name, skew)] : [];
    const mend = fix(`look at the agent of ${name}`, { command: `isthmus identity ${name}` });
    return failed('observed', `the certificate of ${name} ${problem}`, {
      evidence: notes,
      fix: mend,
    });
  }
  return undefined;
}

function certificateProblem(
  { notBeforeMs, notAfterMs, isTrusted, issuer }: CertificateFacts,
  nowMs: number,
): string | undefined {
  if (isTrusted === false) return `is signed by ${issuer}, which no root of the mesh vouches for`;
  if (notAfterMs <= nowMs) return `expired ${ago(notAfterMs, nowMs)}`;
  return notBeforeMs > nowMs + SKEW_MS_MAX ? 'is not valid yet' : undefined;
}

function skewNotes({ client, server }: Evidence): readonly string[] {
  return [['client', client] as const, ['server', server] as const].flatMap(([name, side]) => {
    const skew = side?.agent?.clockSkewMs ?? 0;
    return Math.abs(skew) > SKEW_MS_MAX ? [skewText(`the ${name}`, skew)] : [];
  });
}

const skewText = (name: string, skewMs: number): string =>
  `the clock of ${name} is ${Math.abs(Math.round(skewMs / 1000))} s ` +
  `${skewMs > 0 ? 'ahead' : 'behind'}: certificates seem to end or begin at other times`;

/** Step 8. */
export function identityStep(walk: Walk): Finding {
  const { mesh, question, evidence, server } = walk;
  const { from } = question;
  if (server === undefined) return unknown('configured', 'who is there is not known');
  if (server.endpoint.tls !== 'mTLS') {
    const summary = `the server sees no identity of ${nameOf(from)}, only its address`;
    return passed('configured', summary);
  }
  if (from.serviceAccount === '') {
    const summary = `${nameOf(from)} names no service account: it can prove no identity`;
    return failed('configured', summary, {
      fix: fix('set spec.serviceAccount of its WorkloadEntry'),
    });
  }
  const expected = spiffeIdOf(identityOf(mesh, from));
  const { flow, client, nowMs } = evidence;
  const seen = flow?.encryption.clientIdentity ?? '';
  const isFresh = flow !== undefined && nowMs - flow.encryption.seenAtMs <= RECENT_MS;
  if (isFresh && seen !== '') {
    const when = ago(flow.encryption.seenAtMs, nowMs);
    if (seen === expected) return passed('observed', `the server sees ${seen}, seen ${when}`);
    const summary = `the server saw ${seen} ${when}, and ${nameOf(from)} is to be ${expected}`;
    return failed('observed', summary);
  }
  const shown = client.certificate?.identity;
  if (shown !== undefined && shown !== expected) {
    return failed('observed', `${nameOf(from)} shows ${shown}, and is to be ${expected}`);
  }
  const source = shown === undefined ? 'configured' : 'observed';
  return passed(source, `the server sees ${expected}`);
}
