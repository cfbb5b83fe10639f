// What the page makes of an answer: always eleven steps, in words, and which one to look at. Pure.
import type { Denial, MeshNode, ReachResult, ReachStep, ReachStepName } from '../../api/types.ts';
import { REACH_STEPS } from '../../api/types.ts';
import { shortName } from '../policies/impact.ts';

export type Question = {
  readonly from: string;
  readonly to: string;
  /** 0: the only port of what is meant. */
  readonly port: number;
};

export type StepView = ReachStep & {
  /** From 1. */
  readonly number: number;
  readonly title: string;
  /** What the step finds out. */
  readonly asks: string;
  readonly sign: string;
  readonly words: string;
};

const STEPS: Readonly<Record<ReachStepName, { readonly title: string; readonly asks: string }>> = {
  name: { title: 'Name', asks: 'What does the client’s resolver answer for this name?' },
  capture: { title: 'Capture', asks: 'Is the client’s connection led into its proxy?' },
  listener: { title: 'Listener', asks: 'Does the client’s proxy take this address and port?' },
  route: { title: 'Route', asks: 'Which cluster does it lead to?' },
  endpoints: { title: 'Endpoints', asks: 'Is there a healthy server behind it?' },
  network: { title: 'Network', asks: 'Does a connection get from the client’s machine to it?' },
  tls: { title: 'TLS', asks: 'Do both ends agree on encryption, and trust each other?' },
  identity: { title: 'Identity', asks: 'As whom does the server see the client?' },
  authorization: { title: 'Authorization', asks: 'Does policy let this client in?' },
  port: { title: 'Port', asks: 'Does the server’s proxy hand it to a port that listens?' },
  application: { title: 'Application', asks: 'Does the application answer?' },
};

const LOOKS: Readonly<Record<ReachStep['verdict'], { readonly sign: string; words: string }>> = {
  passed: { sign: '✓', words: 'passed' },
  failed: { sign: '✗', words: 'failed' },
  unknown: { sign: '?', words: 'not known' },
  'not-reached': { sign: '·', words: 'not reached' },
};

/** All eleven, whatever the answer has. */
export function stepViews(result: ReachResult): readonly StepView[] {
  return REACH_STEPS.map((name, index) => {
    const step = result.steps.find((other) => other.name === name) ?? missing(name);
    return { ...step, number: index + 1, ...STEPS[name], ...LOOKS[step.verdict] };
  });
}

const missing = (name: ReachStepName): ReachStep => ({
  name,
  verdict: 'not-reached',
  source: 'configured',
  summary: '',
  evidence: [],
  object: null,
  fix: null,
});

/** The step to open: the first that failed, else the first that is not known. */
export function decisive(steps: readonly StepView[]): StepView | undefined {
  const of = (verdict: ReachStep['verdict']): StepView | undefined =>
    steps.find((step) => step.verdict === verdict);
  return of('failed') ?? of('unknown');
}

/** Said aloud when an answer has come. */
export function announcement(result: ReachResult): string {
  const step = decisive(stepViews(result));
  const why = step && step.summary !== '' && !result.summary.includes(step.summary);
  return why ? `${result.summary} ${step.summary}` : result.summary;
}

export const verdictTone = (verdict: ReachResult['verdict']): 'good' | 'bad' | 'unknown' =>
  verdict === 'can' ? 'good' : verdict === 'cannot' ? 'bad' : 'unknown';

// ── What can be asked ───────────────────────────────────────────────────────────────────────────

export type Choice = { readonly value: string; readonly detail: string };

const KINDS: Readonly<Record<MeshNode['kind'], string>> = {
  pod: 'pod',
  vm: 'VM',
  gateway: 'gateway',
  external: 'external',
  unknown: 'unknown',
};

/** `inventory.library`; what has no namespace goes by its name or address. */
export const nodeName = (node: MeshNode): string =>
  node.namespace === '' ? node.name : `${node.name}.${node.namespace}`;

/** Who can be asked from: what has an agent or an identity of the mesh; by name, or by that. */
export function fromChoices(nodes: readonly MeshNode[]): readonly Choice[] {
  const members = nodes.filter(
    ({ kind, state }) => kind !== 'unknown' && kind !== 'external' && state !== 'gone',
  );
  const named = members.map((node) => ({ value: nodeName(node), detail: KINDS[node.kind] }));
  const identities = new Set(members.map(({ identity }) => identity).filter(Boolean));
  const proved = [...identities].map((value) => ({ value, detail: 'identity' }));
  return [...named.toSorted(byValue), ...proved.toSorted(byValue)];
}

/** Services first: that is what clients call. */
export function toChoices(nodes: readonly MeshNode[]): readonly Choice[] {
  const hosts = new Set(nodes.flatMap(({ services }) => services));
  const services = [...hosts].map((value) => ({ value, detail: 'service' }));
  const members = nodes
    .filter(({ kind, state }) => kind !== 'unknown' && state !== 'gone')
    .map((node) => ({ value: nodeName(node), detail: KINDS[node.kind] }));
  const named = members.filter(({ value }) => !hosts.has(value));
  return [...services.toSorted(byValue), ...named.toSorted(byValue)];
}

const byValue = (a: Choice, b: Choice): number =>
  a.value.localeCompare(b.value, 'en', { numeric: true });

/** Of whom a name means first; empty: nobody is known by it. */
export const namespaceOf = (nodes: readonly MeshNode[], name: string): string =>
  nodesNamed(nodes, name)[0]?.namespace ?? '';

/** Whom a name means: a node by its id, name, short host or address. */
export function nodesNamed(nodes: readonly MeshNode[], name: string): readonly MeshNode[] {
  if (name === '') return [];
  const exact = nodes.filter(
    (node) => node.id === name || nodeName(node) === name || node.addresses.includes(name),
  );
  if (exact.length > 0) return exact;
  return nodes.filter((node) =>
    node.services.some((host) => host === name || host.startsWith(`${name}.`)),
  );
}

/** Ports of whoever is meant, as its services call them. */
export function portChoices(nodes: readonly MeshNode[], to: string): readonly Choice[] {
  const ports = nodesNamed(nodes, to).flatMap((node) => node.ports);
  const meant = ports.some(({ service }) => isHost(service, to))
    ? ports.filter(({ service }) => isHost(service, to))
    : ports;
  const byPort = new Map(meant.map(({ port, name }) => [String(port), name]));
  return [...byPort].map(([value, detail]) => ({ value, detail })).toSorted(byValue);
}

const isHost = (host: string, name: string): boolean =>
  host === name || host.startsWith(`${name}.`);

/** Empty: it can be asked. */
export function questionProblem(from: string, to: string, port: string): string {
  if (from.trim() === '') return 'Say who connects.';
  if (to.trim() === '') return 'Say where to.';
  return portOf(port) === undefined ? 'A port is a number from 1 to 65535, or left out.' : '';
}

/** 0: left out; undefined: no port. */
export function portOf(text: string): number | undefined {
  if (text.trim() === '') return 0;
  const port = Number(text);
  return Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : undefined;
}

/** What an address says, maybe only in part: other pages know one end, and name it by its id. */
export type Given = { readonly from: string; readonly to: string; readonly port: string };

export function givenIn(search: string): Given {
  const query = new URLSearchParams(search);
  const name = (key: string): string => shortName(query.get(key) ?? '').trim();
  return { from: name('from'), to: name('to'), port: query.get('port') ?? '' };
}

/** Undefined: that asks nothing yet. */
export function questionOf({ from, to, port }: Given): Question | undefined {
  const number = portOf(port);
  return from === '' || to === '' || number === undefined ? undefined : { from, to, port: number };
}

export function questionPath({ from, to, port }: Question): string {
  const query = new URLSearchParams({ from, to });
  if (port > 0) query.set('port', String(port));
  return `/reach?${query.toString()}`;
}

/** As `isthmus why` takes it, where the server has not said yet. */
export function whyCommand({ from, to, port }: Question): string {
  const host = to.includes(':') && port > 0 ? `[${to}]` : to;
  return `isthmus why ${word(from)} ${word(port > 0 ? `${host}:${port}` : host)}`;
}

const word = (text: string): string =>
  /^[\w.:/@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

export type DeniedQuestion = { readonly denial: Denial; readonly asked: Question };

/** Newest first; what was refused many times is one question, of the last time. */
export function denialQuestions(
  denials: readonly Denial[],
  nodes: readonly MeshNode[],
): readonly DeniedQuestion[] {
  const byQuestion = new Map<string, DeniedQuestion>();
  for (const denial of denials.toSorted((a, b) => b.atMs - a.atMs)) {
    const asked = denialQuestion(denial, nodes);
    const key = JSON.stringify(asked);
    if (!byQuestion.has(key)) byQuestion.set(key, { denial, asked });
  }
  return [...byQuestion.values()];
}

function denialQuestion(denial: Denial, nodes: readonly MeshNode[]): Question {
  const name = (id: string): string => {
    const node = nodes.find((other) => other.id === id);
    return node ? nodeName(node) : shortName(id);
  };
  return { from: name(denial.from), to: name(denial.to), port: denial.port };
}
