// What isthmusd tells `isthmus` about proxies, workloads and certificates: read-only pages on its
// monitoring port, which is on loopback unless somebody says otherwise. Nothing here is secret:
// resources hold no keys, and Secrets are not shown.
import type { Authority } from '#ca/authority.ts';
import { programVersion } from '#base/version.ts';
import type { CertificateLedger, SeenCertificate } from './debug-certificates.ts';
import { showConfig, type ConfigParts } from './debug-config.ts';
import { CONFIG_TYPES, type ConfigType } from './debug-json.ts';
import { checkTls } from './debug-tls.ts';
import { findWorkload, proxyName, streamId } from './debug-workloads.ts';
import type { Workload } from '#model/workload.ts';
import { jsonPage, textPage, type Page, type Pages } from './monitoring.ts';

export type DebugParts = ConfigParts & {
  readonly certificates: CertificateLedger;
  readonly authority: { current(): Authority };
  isReady(): boolean;
};

/** One of the mesh's roots. */
export type ShownRoot = {
  readonly subject: string;
  readonly serial: string;
  readonly notBefore: string;
  readonly notAfter: string;
};

export type ShownCertificates = {
  readonly proxy: string;
  /** Absent: neither issued nor presented since this control plane started. */
  readonly certificate?: SeenCertificate;
  readonly roots: readonly ShownRoot[];
};

/** What a page answers that cannot be made: status 400, 404 or 503. */
export type ShownProblem = { readonly problem: string };

/** Above what anybody types; `proxy` and `to` are names. */
const NAME_LENGTH_MAX = 600;

export function debugPages(parts: DebugParts): Pages {
  const ready =
    (make: (query: URLSearchParams) => Page) =>
    (query: URLSearchParams): Page =>
      parts.isReady() ? make(query) : problemPage(503, 'the control plane is not synced yet');
  return {
    // as istiod has it: Kiali asks for it
    '/version': () => textPage(`${programVersion()}\n`),
    '/debug/config': ready((query) => configPage(parts, query)),
    '/debug/certificates': ready((query) => certificatesPage(parts, query)),
    '/debug/tls': ready((query) => tlsPage(parts, query)),
  };
}

function configPage(parts: DebugParts, query: URLSearchParams): Page {
  const type = query.get('type') ?? '';
  if (!isConfigType(type)) {
    return problemPage(400, `type must be one of ${Object.keys(CONFIG_TYPES).join(', ')}`);
  }
  const offset = Number(query.get('offset') ?? '0');
  if (!Number.isSafeInteger(offset) || offset < 0) return problemPage(400, 'offset is no count');
  const isAll = query.get('all') === 'true';
  return forWorkload(parts, query, 'proxy', (workload) =>
    jsonPage(showConfig(parts, workload, { type, isAll, offset })),
  );
}

function certificatesPage(parts: DebugParts, query: URLSearchParams): Page {
  const { certificates, authority } = parts;
  const roots = authority
    .current()
    .roots.map(({ subject, serialNumber, validFrom, validTo }): ShownRoot => ({
      subject: subject.replaceAll('\n', ', '),
      serial: serialNumber.toLowerCase(),
      notBefore: new Date(validFrom).toISOString(),
      notAfter: new Date(validTo).toISOString(),
    }));
  return forWorkload(parts, query, 'proxy', (workload) => {
    const certificate = certificates.get(streamId(workload));
    const shown: ShownCertificates = {
      proxy: proxyName(workload),
      ...(certificate && { certificate }),
      roots,
    };
    return jsonPage(shown);
  });
}

function tlsPage(parts: DebugParts, query: URLSearchParams): Page {
  const to = query.get('to') ?? '';
  if (to === '' || to.length > NAME_LENGTH_MAX) return problemPage(400, 'to must name a service');
  const namespace = query.get('namespace') ?? 'default';
  return forWorkload(parts, query, 'from', (workload) => {
    const check = checkTls(parts, workload, { text: to, namespace });
    return check.ok ? jsonPage(check.value) : problemPage(404, check.problem);
  });
}

/** @param parameter of the query that names the workload */
function forWorkload(
  { mesh }: DebugParts,
  query: URLSearchParams,
  parameter: 'proxy' | 'from',
  make: (workload: Workload) => Page,
): Page {
  const text = query.get(parameter) ?? '';
  if (text === '' || text.length > NAME_LENGTH_MAX) {
    return problemPage(400, `${parameter} must name a workload`);
  }
  const found = findWorkload(mesh, text, query.get('namespace') ?? 'default');
  return found.ok ? make(found.value) : problemPage(404, found.problem);
}

const isConfigType = (text: string): text is ConfigType => Object.hasOwn(CONFIG_TYPES, text);

function problemPage(status: number, problem: string): Page {
  const shown: ShownProblem = { problem };
  return { ...jsonPage(shown), status };
}
