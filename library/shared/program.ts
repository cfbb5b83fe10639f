// What every service does around its work: settings from the environment, one line when it is
// ready, an orderly end on SIGTERM, and a sentence, no stack, for what its operator can mend.

/** A setting is wrong or missing; the message says which. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** A setting that may be left out only when there is a default. */
export function setting(env: Environment, name: string, fallback?: string): string {
  const value = env[name] ?? fallback;
  if (value === undefined || value === '') throw new SettingError(`${name} is not set`);
  return value;
}

export function numberSetting(
  env: Environment,
  name: string,
  options: { readonly fallback: number; readonly min: number; readonly max: number },
): number {
  const text = setting(env, name, String(options.fallback));
  const value = Number(text);
  if (!Number.isInteger(value) || value < options.min || value > options.max) {
    throw new SettingError(
      `${name} is ${text}, not a number from ${options.min} to ${options.max}`,
    );
  }
  return value;
}

export const portSetting = (env: Environment, name: string, fallback: number): number =>
  numberSetting(env, name, { fallback, min: 0, max: 65_535 });

/** The base of a service's addresses, without a final slash. */
export function urlSetting(env: Environment, name: string): string {
  const text = setting(env, name);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:')
    throw new SettingError(`${name} is ${text}, not an http:// address`);
  return text.replace(/\/+$/, '');
}

/** A service that runs: where, and how to stop it. */
export interface RunningService extends AsyncDisposable {
  readonly url: string;
}

/**
 * Runs a service until SIGTERM or SIGINT. Exit status: 0 when it was asked to stop, 2 for a wrong
 * setting, 1 for anything else.
 */
export async function runService(
  name: string,
  start: (env: Environment) => Promise<RunningService>,
): Promise<void> {
  const stopped = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => stopped.resolve(signal));
  }
  try {
    await using service = await start(process.env);
    process.stdout.write(`${name}: ready on ${service.url}\n`);
    const signal = await stopped.promise;
    process.stdout.write(`${name}: stopping on ${signal}\n`);
  } catch (error) {
    const isExpected = error instanceof Error && /^(Setting|BookLog)Error$/.test(error.name);
    const text = isExpected ? error.message : String(error instanceof Error ? error.stack : error);
    process.stderr.write(`${name}: ${text}\n`);
    process.exitCode = error instanceof SettingError ? 2 : 1;
  }
}
