// `isthmus proxy-config`: what a proxy holds of what it could reach, resource by resource.
import type { ShownResource } from '#controlplane/debug-config.ts';
import type { ConfigType } from '#controlplane/debug-json.ts';
import type { Surroundings } from '../command.ts';
import type { OutputFormat } from '../common-flags.ts';
import { askIsthmusd, foreignAnswer, isthmusdUrl, type IsthmusdWords } from '../isthmusd.ts';
import {
  FormError,
  readCertificatesPage,
  readConfigPage,
  type CertificatesPage,
  type ConfigPage,
} from '../proxy/answers.ts';
import { renderClusters, renderEndpoints } from '../proxy/clusters.ts';
import { renderListeners } from '../proxy/listeners.ts';
import { renderRoutes } from '../proxy/routes.ts';
import { renderOutput, renderTable } from '../render.ts';

export type ProxyWords = IsthmusdWords & {
  readonly namespace: string | undefined;
  readonly output: OutputFormat;
};

type ConfigCall = Surroundings & {
  readonly operands: readonly string[];
  readonly flags: ProxyWords & { readonly all?: boolean };
};

type ShownType = Exclude<ConfigType, 'policies'>;

const RENDERERS: Readonly<Record<ShownType, (resources: readonly ShownResource[]) => string>> = {
  clusters: renderClusters,
  endpoints: renderEndpoints,
  listeners: renderListeners,
  routes: renderRoutes,
};

/** Pages of a mesh with this many destinations more would be of no use to anybody. */
const PAGES_MAX = 100;

/** @throws OperatorError NOT_FOUND, CONTROL_PLANE_UNREACHABLE, USAGE */
export async function runProxyConfig(type: ShownType, call: ConfigCall): Promise<number> {
  const { flags, print } = call;
  const config = await readWhole(type, call);
  const table = (): string => `${renderTableOf(type, config)}\n\n${renderSummary(type, config)}`;
  print(renderOutput(flags.output, config, table).trimStart());
  return 0;
}

/** All pages of an answer as one. */
async function readWhole(type: ShownType, call: ConfigCall): Promise<ConfigPage> {
  const { operands, flags, env, signal } = call;
  const base = isthmusdUrl(flags, env);
  const pages: ConfigPage[] = [];
  let offset: number | undefined = 0;
  while (offset !== undefined && pages.length < PAGES_MAX) {
    const query = {
      proxy: operands[0] ?? '',
      namespace: flags.namespace ?? 'default',
      type,
      offset: String(offset),
      all: String(flags.all === true),
    };
    const answer = await askIsthmusd(base, '/debug/config', { query, signal });
    const page = understood(base, () => readConfigPage(answer));
    pages.push(page);
    offset = page.next;
  }
  const [first] = pages;
  if (first === undefined) throw foreignAnswer(base);
  return { ...first, resources: pages.flatMap(({ resources }) => resources), next: offset };
}

/** @throws OperatorError CONTROL_PLANE_UNREACHABLE when the answer has another form */
export function understood<T>(base: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof FormError ? foreignAnswer(base) : error;
  }
}

function renderTableOf(type: ShownType, { resources }: ConfigPage): string {
  return resources.length === 0 ? '' : RENDERERS[type](resources);
}

/** Nobody should have to count, or to wonder why so little is there. */
function renderSummary(type: ShownType, config: ConfigPage): string {
  const { proxy, resources, held, reachable } = config;
  if (reachable === undefined) {
    const held = resources.length === 0 ? `no ${type}` : `${resources.length} ${type}`;
    return `${proxy} holds ${held}: all that it has asked for`;
  }
  const rest = resources.some(({ isHeld }) => !isHeld) || held === reachable;
  const hint = rest ? '' : '; --all resolves the rest';
  return `${proxy} holds ${held} of ${reachable} destinations that it could reach${hint}`;
}

/** @throws OperatorError NOT_FOUND, CONTROL_PLANE_UNREACHABLE, USAGE */
export async function runSecrets(call: ConfigCall): Promise<number> {
  const { operands, flags, env, signal, print } = call;
  const base = isthmusdUrl(flags, env);
  const query = { proxy: operands[0] ?? '', namespace: flags.namespace ?? 'default' };
  const answer = await askIsthmusd(base, '/debug/certificates', { query, signal });
  const page = understood(base, () => readCertificatesPage(answer));
  print(renderOutput(flags.output, page, () => renderCertificates(page)));
  return 0;
}

function renderCertificates({ proxy, certificate, roots }: CertificatesPage): string {
  const own = certificate
    ? [['default', 'Cert Chain', certificate.serial, certificate.notAfter, certificate.spiffeId]]
    : [];
  const rows = [
    ...own,
    ...roots.map(({ serial, notAfter, subject }) => ['ROOTCA', 'CA', serial, notAfter, subject]),
  ];
  const table = renderTable(['RESOURCE NAME', 'TYPE', 'SERIAL NUMBER', 'NOT AFTER', 'NAME'], rows);
  return `${table}\n\n${renderOrigin(proxy, certificate)}`;
}

/** What is shown is what the control plane has seen: the keys, and Envoy, are on the machine. */
function renderOrigin(proxy: string, certificate: CertificatesPage['certificate']): string {
  const onMachine = 'what Envoy serves now, it says on its machine: curl localhost:15000/certs';
  if (certificate === undefined) {
    return `this control plane has not seen a certificate of ${proxy} since it started; ${onMachine}`;
  }
  const how =
    certificate.seen === 'issued'
      ? 'as the control plane issued it'
      : 'as the proxy presented it when it connected';
  return `${how}; ${onMachine}`;
}
