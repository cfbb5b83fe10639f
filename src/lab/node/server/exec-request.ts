// What `kubectl exec` asks for, and the words in which its end is told. Pure.

/** Newest first; v5 can also close standard input. */
export const EXEC_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;

/** The first byte of each message says what the rest is. */
export const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

export type ExecRequest = {
  readonly command: readonly string[];
  readonly hasStdin: boolean;
  readonly hasStdout: boolean;
  readonly hasStderr: boolean;
  readonly isTerminal: boolean;
};

/** Undefined when there is no command. */
export function parseExecRequest(query: URLSearchParams): ExecRequest | undefined {
  const command = query.getAll('command');
  if (command.length === 0) return undefined;
  // The API says `stdin`, the kubelet's own protocol `input`, and so on.
  const isSet = (...names: readonly string[]): boolean =>
    names.some((name) => /^(true|1)$/.test(query.get(name) ?? ''));
  const isTerminal = isSet('tty');
  return {
    command,
    hasStdin: isSet('stdin', 'input'),
    hasStdout: isSet('stdout', 'output'),
    hasStderr: isSet('stderr', 'error') && !isTerminal,
    isTerminal,
  };
}

/** The Status that goes over the error channel when the program has ended. */
export function exitStatus(exitCode: number): string {
  if (exitCode === 0) return JSON.stringify({ metadata: {}, status: 'Success' });
  const code = String(exitCode);
  return JSON.stringify({
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: code }] },
  });
}

export type TerminalSize = { readonly columns: number; readonly rows: number };

const SIZE_MAX = 10_000;

/** `{"Width":80,"Height":24}`; undefined for anything else. */
export function parseTerminalSize(text: string): TerminalSize | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { Width: columns, Height: rows } = value as { Width?: unknown; Height?: unknown };
  return isSize(columns) && isSize(rows) ? { columns, rows } : undefined;
}

const isSize = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= SIZE_MAX;

/** One word of a shell's command line. */
export const quoteWord = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
