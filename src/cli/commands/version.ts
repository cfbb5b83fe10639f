// `isthmus version`: this program, the control plane, and the Envoy that it would run.
import { findEnvoy } from '#agent/envoy/process.ts';
import { runCommand } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import { programVersion } from '#base/version.ts';
import type { Surroundings } from '../command.ts';
import type { OutputFormat } from '../common-flags.ts';
import { fetchText, isthmusdUrl, type IsthmusdWords } from '../isthmusd.ts';
import { renderOutput } from '../render.ts';

type VersionCall = Surroundings & {
  readonly flags: IsthmusdWords & { readonly output: OutputFormat; readonly client: boolean };
};

export type Versions = {
  readonly client: string;
  /** Absent where it was not asked for. */
  readonly controlPlane?: string;
  readonly envoy?: string;
};

/** What cannot be reached is said, and is no failure: the client's version is known. */
export async function runVersion({ flags, env, signal, print }: VersionCall): Promise<number> {
  const client = programVersion();
  const versions: Versions = flags.client
    ? { client }
    : { client, controlPlane: await controlPlaneVersion(), envoy: await envoyVersion(env) };
  print(renderOutput(flags.output, versions, () => renderVersions(versions)));
  return 0;

  async function controlPlaneVersion(): Promise<string> {
    const base = isthmusdUrl(flags, env);
    try {
      const { status, body } = await fetchText(base, '/version', { signal });
      return status === 200 ? body.trim() : `unknown: ${base} answers with status ${status}`;
    } catch (error) {
      return unknown(error);
    }
  }
}

async function envoyVersion(env: NodeJS.ProcessEnv): Promise<string> {
  try {
    const { binary } = await findEnvoy(env['ISTHMUS_ENVOY'], env['PATH'] ?? '');
    const { stdout } = await runCommand(binary, ['--version'], { timeoutMs: 10_000 });
    return `${parseEnvoyVersion(stdout)} (${binary})`;
  } catch (error) {
    return unknown(error);
  }
}

/** `…  version: 2a1c…/1.40.0/Clean/RELEASE/BoringSSL` → `1.40.0`. */
export const parseEnvoyVersion = (text: string): string =>
  /version: [0-9a-f]+\/([^/\s]+)\//.exec(text)?.[1] ?? 'unknown';

function unknown(error: unknown): string {
  if (error instanceof OperatorError) return `unknown: ${error.message}`;
  throw error;
}

export function renderVersions({ client, controlPlane, envoy }: Versions): string {
  return [
    `client         ${client}`,
    ...(controlPlane === undefined ? [] : [`control plane  ${controlPlane}`]),
    ...(envoy === undefined ? [] : [`Envoy          ${envoy}`]),
  ].join('\n');
}
