// The application's own probes, as injection hands them to the agent: kubelet asks the agent, and the
// agent asks the application from beside it, where no certificate is wanted. Pure; the form is
// Istio's ISTIO_KUBE_APP_PROBERS (pkg/kube/inject/app_probe.go).

export type AppProbe = {
  readonly timeoutMs: number;
  readonly action:
    | {
        readonly kind: 'http';
        readonly scheme: 'http' | 'https';
        readonly port: number;
        readonly path: string;
        /** As written; names may repeat. */
        readonly headers: readonly (readonly [name: string, value: string])[];
      }
    | { readonly kind: 'tcp'; readonly port: number }
    | { readonly kind: 'grpc'; readonly port: number; readonly service: string };
};

/** By the path at which the agent is asked, such as `/app-health/web/readyz`. */
export type AppProbes = ReadonlyMap<string, AppProbe>;

/** More probes than this are no Pod's. */
const PROBES_MAX = 256;
/** Kubernetes' default of timeoutSeconds. */
const TIMEOUT_SECONDS = 1;

/** @returns what is wrong with the text, as a sentence without its setting's name, or the probes */
export function parseAppProbes(text: string): AppProbes | { readonly problem: string } {
  const json = parseJson(text);
  if (!isRecord(json)) return { problem: 'is not a JSON object' };
  const entries = Object.entries(json);
  if (entries.length > PROBES_MAX) return { problem: `has more than ${PROBES_MAX} probes` };
  const probes = new Map<string, AppProbe>();
  for (const [path, value] of entries) {
    const probe = /^\/app-health\/[^/]+\/(readyz|livez|startupz)$/.test(path)
      ? parseProbe(value)
      : undefined;
    if (!probe) return { problem: `has no probe that can be made at "${path}"` };
    probes.set(path, probe);
  }
  return probes;
}

function parseProbe(value: unknown): AppProbe | undefined {
  if (!isRecord(value)) return undefined;
  const { httpGet, tcpSocket, grpc, timeoutSeconds = TIMEOUT_SECONDS } = value;
  const action = httpAction(httpGet) ?? tcpAction(tcpSocket) ?? grpcAction(grpc);
  if (!action || typeof timeoutSeconds !== 'number' || timeoutSeconds <= 0) return undefined;
  return { timeoutMs: timeoutSeconds * 1000, action };
}

function httpAction(value: unknown): AppProbe['action'] | undefined {
  const port = portOf(value);
  if (!isRecord(value) || port === undefined) return undefined;
  const { path = '/', scheme = 'HTTP', httpHeaders = [] } = value;
  if (typeof path !== 'string' || !Array.isArray(httpHeaders)) return undefined;
  const all: readonly unknown[] = httpHeaders;
  const headers = all.filter(isRecord).flatMap((header) => {
    const { name, value: text = '' } = header;
    const isHeader = typeof name === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(name);
    const isText = typeof text === 'string' && /^[\t\u0020-\u007E\u0080-\u00FF]*$/.test(text);
    return isHeader && isText ? [[name, text] as const] : [];
  });
  if (headers.length !== all.length) return undefined;
  return {
    kind: 'http',
    scheme: scheme === 'HTTPS' ? 'https' : 'http',
    port,
    path: path.startsWith('/') ? path : `/${path}`,
    headers,
  };
}

function tcpAction(value: unknown): AppProbe['action'] | undefined {
  const port = portOf(value);
  return port === undefined ? undefined : { kind: 'tcp', port };
}

function grpcAction(value: unknown): AppProbe['action'] | undefined {
  const port = portOf(value);
  if (!isRecord(value) || port === undefined) return undefined;
  const { service } = value;
  return { kind: 'grpc', port, service: typeof service === 'string' ? service : '' };
}

/** Injection has resolved names already. */
function portOf(value: unknown): number | undefined {
  const port = isRecord(value) ? value['port'] : undefined;
  const isPort = typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535;
  return isPort ? port : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the caller says that it is no JSON
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
