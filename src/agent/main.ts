// The commands of the agent: `isthmus agent`, and `isthmus agent leave`.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { OperatorError } from '#base/operator-error.ts';
import { parseAgentConfig, type AgentConfig } from './config.ts';
import { askToLeave, assertNoOtherAgent } from './control.ts';
import { makePrivateDir } from './files.ts';
import { agentFiles } from './paths.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The settings of this machine: flags, environment, Istio's files.
 *
 * @throws OperatorError USAGE, CONFIG_INVALID, FILE_UNREADABLE
 */
export function readAgentConfig(argv: readonly string[], env: Environment): AgentConfig {
  const readFile = (path: string): string | undefined => {
    try {
      return readFileSync(path, 'utf8');
    } catch (cause) {
      if (isAbsent(cause)) return undefined; // most machines have only some of the files
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new OperatorError('FILE_UNREADABLE', `${path} cannot be read: ${reason}`, {
        remedy: 'let the user that runs the agent read it, or remove it',
        cause,
      });
    }
  };
  return parseAgentConfig({ argv, env, hostname: hostname(), readFile, parseYaml });
}

function isAbsent(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Few machines have a mesh file to parse; the others need not load the parser. */
function parseYaml(text: string): unknown {
  const yaml: unknown = createRequire(import.meta.url)('yaml');
  const isParser = typeof yaml === 'object' && yaml !== null && 'parse' in yaml;
  assert(isParser && typeof yaml.parse === 'function', 'the yaml package has another form');
  return yaml.parse(text);
}

/**
 * Runs the agent until `signal` is aborted (then Envoy, its sessions and capture stay) or until the
 * workload has left the mesh.
 *
 * @throws OperatorError what stands in the way, with its remedy
 */
export async function runAgent(
  config: AgentConfig,
  signal: AbortSignal,
  env: Environment = {},
): Promise<void> {
  const { buildAgent, systemDependencies } = await import('./build.ts');
  const { runParts } = await import('./run.ts');
  const { secretReader } = await import('./cluster-secrets.ts');
  const files = agentFiles(config.paths);
  await makePrivateDir(config.paths.stateDir);
  await makePrivateDir(config.paths.proxyDir);
  await assertNoOtherAgent(files.controlSocket);
  const readSecret = secretReader(env, config.node);
  const dependencies = { ...systemDependencies(env['PATH'] ?? ''), readSecret };
  const parts = await buildAgent(config, dependencies);
  await runParts(parts, signal);
}

/**
 * Takes this workload out of the mesh: sessions drain, capture is removed, Envoy ends. A running
 * agent is asked to do it and then ends too; without one it is done here.
 *
 * @param report gets what happens, a line at a time
 * @throws OperatorError CAPTURE_FAILED, TOOL_MISSING
 */
export async function leaveMesh(
  config: AgentConfig,
  report: (line: string) => void,
): Promise<void> {
  if (await askToLeave(agentFiles(config.paths).controlSocket, report)) return;
  const { leaveWithoutAgent } = await import('./leave.ts');
  await leaveWithoutAgent(config, report);
}
