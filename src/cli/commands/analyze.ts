// `isthmus analyze`: what is wrong with a configuration, in files, in a cluster, or with the files
// applied to the cluster.
import { withDeadline } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';
import { analyze } from '#analyze/analyze.ts';
import { ANALYZERS } from '#analyze/analyzers.ts';
import { defaultResources } from '#analyze/default-resources.ts';
import { meshSettingsOf } from '#analyze/mesh-settings.ts';
import { isAtLeast } from '#analyze/message.ts';
import type { Resource } from '#analyze/resource.ts';
import { Snapshot } from '#analyze/snapshot.ts';
import { NAMESPACE } from '#kube/resources.ts';
import { isNotFound } from '#kube/status.ts';
import type { Surroundings } from '../command.ts';
import { parseYaml, readCluster } from '../analyze/cluster.ts';
import { gatherManifests, readFile } from '../analyze/files.ts';
import type { Manifests } from '../analyze/files.ts';
import { renderAnalyzers, renderMessages } from '../analyze/present.ts';
import type { AnalysisFormat } from '../analyze/present.ts';
import { chooseAnalyzers, parseLevel, parseSuppression, parseTimeout } from '../analyze/request.ts';
import { withKube } from '../kube.ts';
import type { Kube, KubeWords } from '../kube.ts';

export type AnalyzeCall = Surroundings & {
  readonly operands: readonly string[];
  readonly flags: KubeWords & {
    readonly filename: readonly string[];
    readonly 'use-kube': 'true' | 'false';
    readonly 'all-namespaces': boolean;
    readonly output: AnalysisFormat;
    readonly 'failure-threshold': string;
    readonly 'output-threshold': string;
    readonly suppress: readonly string[];
    readonly analyzer: readonly string[];
    readonly 'list-analyzers': boolean;
    readonly meshConfigFile: string | undefined;
    readonly 'ignore-unknown': boolean;
    readonly verbose: boolean;
    readonly timeout: string;
  };
};

/** istioctl's: something is wrong with the configuration, or with the files. */
const EXIT_FOUND = 79;
const EXIT_UNREADABLE = 65;

/** What is analyzed, and what to say of it. */
type Subject = {
  readonly resources: readonly Resource[];
  readonly meshConfig: unknown;
  readonly namespace: string;
  readonly manifests: Manifests;
  readonly remarks: readonly string[];
};

/** @throws OperatorError USAGE, FILE_UNREADABLE, NOT_FOUND, and what the API server refuses */
export async function runAnalyze(call: AnalyzeCall): Promise<number> {
  const { flags, print } = call;
  const analyzers = chooseAnalyzers(ANALYZERS, flags.analyzer);
  const suppressions = flags.suppress.map(parseSuppression);
  const failing = parseLevel('failure-threshold', flags['failure-threshold']);
  const shown = parseLevel('output-threshold', flags['output-threshold']);
  if (flags['list-analyzers']) {
    print(renderAnalyzers(analyzers));
    return 0;
  }
  const subject = await readSubject(call);
  const { resources, manifests } = subject;
  const namespace = flags['all-namespaces'] ? undefined : subject.namespace;
  const snapshot = new Snapshot(resources, meshSettingsOf(subject.meshConfig));
  const messages = analyze(snapshot, analyzers, { namespace, suppressions });
  const visible = messages.filter(({ level }) => isAtLeast(level, shown));
  if (flags.verbose && flags.output === 'log') {
    print(`Executed analyzers: ${analyzers.map(({ name }) => name).join(', ')}`);
  }
  if (visible.length > 0 || flags.output !== 'log') print(renderMessages(visible, flags.output));
  if (flags.output !== 'log') return 0;
  const total = analyze(snapshot, analyzers, { suppressions }).length;
  for (const line of [...subject.remarks, ...lastWords(visible.length, subject, namespace)]) {
    print(line);
  }
  if (total > messages.length) {
    print(`${total - messages.length} more about other namespaces: -A shows them`);
  }
  if (messages.some(({ level }) => isAtLeast(level, failing))) return EXIT_FOUND;
  return manifests.problems.length > 0 && !flags['ignore-unknown'] ? EXIT_UNREADABLE : 0;
}

function lastWords(
  count: number,
  { manifests: { files, problems } }: Subject,
  namespace: string | undefined,
): readonly string[] {
  if (count > 0) return [];
  const where = namespace === undefined ? 'all namespaces' : `namespace: ${namespace}`;
  const what = files.length > 0 ? files.join(', ') : where;
  if (problems.length === 0) return [`✔ No validation issues found when analyzing ${what}.`];
  const unread = `${problems.length} could not be parsed`;
  return [`No validation issues found when analyzing ${what} (but ${unread}).`];
}

async function readSubject(call: AnalyzeCall): Promise<Subject> {
  const { flags, env, signal } = call;
  const own = flags.meshConfigFile;
  const meshConfig = own === undefined ? undefined : parseYaml(readFile(own));
  if (flags['use-kube'] === 'false') {
    const namespace = flags.namespace ?? 'default';
    const manifests = await readFiles(call, namespace);
    const resources = [...defaultResources(meshConfig), ...manifests.resources];
    return { resources, meshConfig, namespace, manifests, remarks: remarksOf(manifests, []) };
  }
  const limitMs = parseTimeout(flags.timeout);
  return await withKube(flags, env, (kube) =>
    inTime(limitMs, signal, async (ending) => {
      await assertNamespace(kube, flags['all-namespaces'], ending);
      const cluster = await readCluster(kube.client, ending);
      const manifests = await readFiles(call, kube.namespace);
      return {
        resources: [...cluster.resources, ...manifests.resources],
        meshConfig: meshConfig ?? cluster.meshConfig,
        namespace: kube.namespace,
        manifests,
        remarks: remarksOf(manifests, cluster.forbidden),
      };
    }),
  );
}

async function inTime<T>(
  limitMs: number,
  parent: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await withDeadline({ what: 'reading the cluster', limitMs, parent }, work);
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== 'TimeoutError') throw error;
    throw new OperatorError('API_SERVER_UNREACHABLE', error.message, {
      remedy: 'give it more time with --timeout, or analyze files with --use-kube=false',
      cause: error,
    });
  }
}

async function readFiles({ operands, flags }: AnalyzeCall, namespace: string): Promise<Manifests> {
  return await gatherManifests([...operands, ...flags.filename], namespace, process.stdin);
}

function remarksOf(manifests: Manifests, forbidden: readonly string[]): readonly string[] {
  const count = manifests.skippedCount;
  return [
    ...(count > 0 ? [`skipped: ${count} files that are neither .yaml, .yml nor .json`] : []),
    ...manifests.problems.map((problem) => `not read: ${problem}`),
    ...forbidden.map((kind) => `not read: ${kind}: the kubeconfig's user may not list them`),
  ];
}

async function assertNamespace(
  { client, namespace }: Kube,
  isForAll: boolean,
  signal: AbortSignal,
): Promise<void> {
  if (isForAll) return;
  try {
    await client.get(NAMESPACE, { name: namespace }, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new OperatorError('NOT_FOUND', `there is no namespace ${namespace}`, {
      remedy: 'name another with -n, or analyze all with -A',
    });
  }
}
