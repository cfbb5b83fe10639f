// Which metrics the application has of its own, as injection hands them to the agent, and whether
// what it answers may stand beside ours: one bad line would cost Prometheus the whole scrape. Pure;
// the form is Istio's ISTIO_PROMETHEUS_ANNOTATIONS (pilot-agent, status/server.go).

/** Where the application answers, on the machine's loopback. */
export type AppMetricsTarget = { readonly port: number; readonly path: string };

type Parsed =
  | { readonly ok: true; readonly target: AppMetricsTarget | undefined }
  /** A sentence without its setting's name. */
  | { readonly ok: false; readonly problem: string };

/** Istio's defaults. */
const PORT = '80';
const PATH = '/metrics';
const PATH_LENGTH_MAX = 2_048;

/**
 * @param text JSON of `scrape`, `port` and `path`, all of them text
 * @param ownPort where the agent itself is scraped, which must not ask itself
 */
export function parseAppMetrics(text: string, ownPort: number): Parsed {
  const fail = (problem: string): Parsed => ({ ok: false, problem });
  const json = parseJson(text);
  if (typeof json !== 'object' || json === null) return fail('is not a JSON object');
  const fields: Readonly<Record<string, unknown>> = { ...json };
  const read = (name: string, fallback: string): string => {
    const value = fields[name];
    return typeof value === 'string' && value !== '' ? value : fallback;
  };
  if (/^(0|f|false)$/i.test(read('scrape', 'true'))) return { ok: true, target: undefined };
  const port = read('port', PORT);
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    return fail(`has the port "${port}", expected one from 1 to 65535`);
  }
  if (Number(port) === ownPort) return fail(`names the agent's own port ${port}`);
  const path = read('path', PATH);
  if (path.length > PATH_LENGTH_MAX || !/^[\u0021-\u007E]+$/.test(path)) {
    return fail('has a path that cannot be asked for');
  }
  return {
    ok: true,
    target: { port: Number(port), path: path.startsWith('/') ? path : `/${path}` },
  };
}

// No part of these can match the same text in two ways, so that no line takes long to refuse.
const VALUE = String.raw`(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?[Ii]nf|[Nn]a[Nn])`;
const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = String.raw`[a-zA-Z_]\w*[ \t]*=[ \t]*"[^"\\]*(?:\\.[^"\\]*)*"[ \t]*`;
const LABELS = String.raw`\{[ \t]*(?:${LABEL}(?:,[ \t]*${LABEL})*(?:,[ \t]*)?)?\}`;
const STAMP = String.raw`(?:[ \t]+-?\d+)?[ \t]*`;
const SAMPLE = new RegExp(`^[ \\t]*${NAME}(?:[ \\t]*${LABELS}[ \\t]*|[ \\t]+)${VALUE}${STAMP}$`);
const TYPE = new RegExp(
  `^#[ \\t]+TYPE[ \\t]+${NAME}[ \\t]+(?:counter|gauge|histogram|summary|untyped|unknown)[ \\t]*$`,
);
const LINE_LENGTH_MAX = 64 << 10;

/**
 * @returns the text, ending with a line feed, or what keeps it from being read (text format 0.0.4)
 */
export function checkedExposition(
  text: string,
): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string } {
  const lines = text.split('\n');
  const wrong = lines.findIndex((line) => !isExpositionLine(line.replace(/\r$/, '')));
  if (wrong >= 0) return { ok: false, problem: `line ${wrong + 1} is not Prometheus' text format` };
  const plain = text.replaceAll('\r\n', '\n');
  return { ok: true, text: plain === '' || plain.endsWith('\n') ? plain : `${plain}\n` };
}

function isExpositionLine(line: string): boolean {
  if (line.length > LINE_LENGTH_MAX) return false;
  if (line.trim() === '') return true;
  if (/^#[ \t]+TYPE[ \t]/.test(line)) return TYPE.test(line);
  return line.startsWith('#') || SAMPLE.test(line);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the caller says that it is no JSON
  }
}
