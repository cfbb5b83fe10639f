// `isthmus demo`: the library story in a lab on this machine. Outside it opens the report and
// enters the lab's sandbox with the same arguments; inside it tells the story and judges it.
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readFlags } from '#base/flags.ts';
import { systemClock } from '#base/clock.ts';
import { OperatorError, renderFailure } from '#base/operator-error.ts';
import { aborted } from '#base/tasks.ts';
import { LibraryMesh } from '#lab/library-mesh.ts';
import { ENDED_FROM_OUTSIDE, isInsideSandbox, runInSandbox } from '#lab/sandbox.ts';
import { judge, type Check } from '#lab/story/checks.ts';
import { renderReport, type Report } from '#lab/story/report.ts';
import { InventoryLog } from '#lab/story/inventory-log.ts';
import { judgeLibrary } from '#lab/story/library-evidence.ts';
import { LibraryWorld } from '#lab/story/library-world.ts';
import { type Audience, Narrator } from '#lab/story/narrator.ts';
import { tellLibraryStory } from '#lab/story/tell-library.ts';
import { tellStory } from '#lab/story/tell.ts';
import {
  createPaint,
  renderChecks,
  renderEvent,
  renderTitle,
  renderVerdict,
  type Paint,
} from '../demo-view.ts';

const USAGE = `isthmus demo [--once] [--report FILE] [--keep-logs DIR]

  --once            see it all from the far side and end; without it, the story is told with
                    real kubectl, and then goes on until interrupted
  --report FILE     what was seen, with its figures, as JSON
  --keep-logs DIR   where the programs' logs go (default: kept only when something fails)`;

/** The report's descriptor inside: the first after standard error. */
const REPORT_FD = 3;
const LOGS_VARIABLE = 'ISTHMUS_LAB_LOGS';
/** A shell's status for SIGINT. */
const INTERRUPTED = 130;

/** Short enough that one rotation falls into the story, long enough for a busy machine to renew. */
const CERTIFICATE_LIFETIME = '6s';
/** The story should not wait for Istio's 45 s. */
const DRAIN_DURATION = '3s';

type Options = {
  readonly isOnce: boolean;
  readonly reportPath: string | undefined;
  readonly logsPath: string | undefined;
};

/**
 * @returns 0 when everything was seen
 * @throws OperatorError USAGE, FILE_UNREADABLE, LAB_FAILED
 */
export async function runDemo(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<number> {
  const options = parseOptions(argv);
  if (isInsideSandbox(env)) return await runInside(options, env, signal);
  return await runOutside(options, argv, { env, signal });
}

function parseOptions(argv: readonly string[]): Options {
  const { values } = readFlags(argv, {
    usage: USAGE,
    options: {
      once: { type: 'boolean', default: false },
      report: { type: 'string' },
      'keep-logs': { type: 'string' },
    },
  });
  return { isOnce: values.once, reportPath: values.report, logsPath: values['keep-logs'] };
}

/** The files are made here, where the caller is still who they are. */
async function runOutside(
  { reportPath, logsPath }: Options,
  argv: readonly string[],
  { env, signal }: { readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal },
): Promise<number> {
  const report = reportPath === undefined ? undefined : openReport(reportPath);
  const logs = makeLogsFolder(logsPath);
  let status: number | undefined;
  try {
    const again = [process.execPath, ...process.execArgv, process.argv[1] ?? '', 'demo', ...argv];
    status = await runInSandbox(again, {
      env: { ...env, [LOGS_VARIABLE]: logs },
      signal,
      files: report === undefined ? [] : [report],
    });
    return signal.aborted ? INTERRUPTED : status;
  } finally {
    if (report !== undefined) closeSync(report);
    const hasFailed = status !== 0 && status !== ENDED_FROM_OUTSIDE && !signal.aborted;
    const isWorthKeeping = logsPath !== undefined || (hasFailed && readdirSync(logs).length > 0);
    if (isWorthKeeping) process.stderr.write(`the programs' logs are in ${logs}\n`);
    else rmSync(logs, { recursive: true, force: true });
  }
}

/** Before anything is started: a report that cannot be written is no report. */
function openReport(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true });
    return openSync(path, 'w', 0o644);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OperatorError('FILE_UNREADABLE', `the report cannot be written: ${reason}`, {
      remedy: 'name a file in a folder that you may write to',
      cause,
    });
  }
}

function makeLogsFolder(path: string | undefined): string {
  if (path === undefined) return mkdtempSync(join(tmpdir(), 'isthmus-demo-'));
  mkdirSync(path, { recursive: true });
  return path;
}

type Stage = { readonly paint: Paint; readonly startedAtMs: number; readonly show: Audience };

async function runInside(
  { isOnce, reportPath }: Options,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<number> {
  const paint = createPaint(process.stdout.isTTY, env);
  const startedAtMs = systemClock.nowMs();
  let firstRowMs = -1;
  const show: Audience = (event) => {
    const elapsedMs = systemClock.nowMs() - startedAtMs;
    if (event.kind === 'line' && event.text.startsWith('✅') && firstRowMs < 0) {
      firstRowMs = elapsedMs;
    }
    process.stdout.write(renderEvent(event, elapsedMs, paint));
  };
  const stage: Stage = { paint, startedAtMs, show };
  process.stdout.write(renderTitle(paint));
  const finish = (checks: readonly Check[], failure?: string): void => {
    if (reportPath === undefined) return;
    const report: Report = {
      ok: failure === undefined && checks.every(({ ok }) => ok),
      startedAt: new Date(startedAtMs).toISOString(),
      durationMs: systemClock.nowMs() - startedAtMs,
      firstRowMs,
      checks,
      ...(failure !== undefined && { failure }),
    };
    writeSync(REPORT_FD, renderReport(report));
  };
  try {
    const tell = isOnce ? tellOnce : tellLibrary;
    const checks = await tell(stage, { env, signal, onJudged: finish });
    return checks.every(({ ok }) => ok) ? 0 : 1;
  } catch (error) {
    finish([], renderFailure(error).text);
    throw error;
  }
}

type Telling = {
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly onJudged: (checks: readonly Check[]) => void;
};

/** Everything from the far side, with its figures, and the end. */
async function tellOnce(stage: Stage, { env, onJudged }: Telling): Promise<readonly Check[]> {
  const { show } = stage;
  const logsDir = env[LOGS_VARIABLE];
  await using mesh = await LibraryMesh.create({
    env,
    ...(logsDir !== undefined && { logsDir }),
    enableAutoMtls: false,
    certificateLifetime: CERTIFICATE_LIFETIME,
    drainDuration: DRAIN_DURATION,
    onStep: (text) => show({ kind: 'step', text }),
  });
  const checks = judge(await tellStory(mesh, { show }));
  conclude(stage, checks, onJudged);
  return checks;
}

/** The story as its user types it, which then goes on until it is interrupted. */
async function tellLibrary(
  stage: Stage,
  { env, signal, onJudged }: Telling,
): Promise<readonly Check[]> {
  const { show } = stage;
  const logsDir = env[LOGS_VARIABLE];
  await using world = await LibraryWorld.create({
    env,
    ...(logsDir !== undefined && { logsDir }),
  });
  const evidence = await tellLibraryStory(world, new Narrator({ show, signal }));
  const checks = judgeLibrary(evidence);
  conclude(stage, checks, onJudged);
  show({ kind: 'chapter', title: 'It goes on until you press Ctrl-C' });
  await using log = await InventoryLog.open(world);
  log.showNewTo((text) => show({ kind: 'line', text }), evidence.inserted.length);
  await aborted(signal);
  return checks;
}

function conclude(
  { paint, startedAtMs }: Stage,
  checks: readonly Check[],
  onJudged: Telling['onJudged'],
): void {
  onJudged(checks);
  const durationMs = systemClock.nowMs() - startedAtMs;
  process.stdout.write(renderChecks(checks, paint) + renderVerdict({ checks, durationMs }, paint));
}
