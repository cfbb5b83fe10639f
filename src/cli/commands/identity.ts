// `isthmus identity`: who is who, encrypted how, until when.
import type { IdentityReport, IdentityRow } from '#api/identity.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { Surroundings } from '../command.ts';
import type { OutputFormat } from '../common-flags.ts';
import { openMeshApi, type MeshApi, type MeshApiWords } from '../mesh-api/client.ts';
import { FormError, listOf, numberOf, recordOf, textOf } from '../proxy/answers.ts';
import { renderOutput, renderTable } from '../render.ts';
import { understood } from './proxy-config.ts';

type IdentityCall = Surroundings & {
  readonly operands: readonly string[];
  readonly flags: MeshApiWords & { readonly output: OutputFormat };
};

/** @throws OperatorError NOT_FOUND, CONTROL_PLANE_UNREACHABLE, CONTROL_PLANE_REFUSED, USAGE */
export async function runIdentity(call: IdentityCall): Promise<number> {
  return await askIdentity(await openMeshApi(call.flags, call), call);
}

type Page = Pick<
  IdentityReport,
  'nowMs' | 'encryptedShare' | 'plaintextEdges' | 'oneSidedEdges' | 'certificates'
> & {
  readonly trustDomain: string;
  readonly roots: readonly { readonly subject: string; readonly fingerprint: string }[];
};

export async function askIdentity(
  api: Pick<MeshApi, 'url' | 'get'>,
  { operands, flags, print }: Pick<IdentityCall, 'operands' | 'flags' | 'print'>,
): Promise<number> {
  const answer = await api.get('/api/v1/identity');
  const page = understood(api.url, () => readPage(answer));
  const [wanted] = operands;
  const rows = page.certificates.filter((row) => wanted === undefined || isNamed(row, wanted));
  if (wanted !== undefined && rows.length === 0) {
    const names = page.certificates.map(({ node }) => shortName(node)).slice(0, 10);
    throw new OperatorError('NOT_FOUND', `the mesh has no workload ${wanted}`, {
      remedy: `it has ${names.join(', ') || 'none'}`,
    });
  }
  const shown = wanted === undefined ? answer : rows;
  print(renderOutput(flags.output, shown, () => renderPage({ ...page, certificates: rows })));
  return 0;
}

/** `inventory.library` of `wl:library/inventory`. */
const shortName = (node: string): string => {
  const [, namespace, name] = /^wl:([^/]+)\/(.+)$/.exec(node) ?? [];
  return namespace === undefined || name === undefined ? node : `${name}.${namespace}`;
};

const isNamed = ({ node, workload }: IdentityRow, wanted: string): boolean =>
  [node, node.replace(/^wl:/, ''), workload, shortName(node)].includes(wanted);

function readPage(json: unknown): Page {
  const page = recordOf(json);
  const trust = recordOf(page['trust']);
  return {
    nowMs: numberOf(page['nowMs']),
    encryptedShare: page['encryptedShare'] === null ? null : numberOf(page['encryptedShare']),
    plaintextEdges: numberOf(page['plaintextEdges']),
    oneSidedEdges: numberOf(page['oneSidedEdges']),
    certificates: listOf(page['certificates'], readRow),
    trustDomain: textOf(trust['trustDomain']),
    roots: listOf(trust['roots'], (root) => {
      const { subject, fingerprint } = recordOf(root);
      return { subject: textOf(subject), fingerprint: textOf(fingerprint) };
    }),
  };
}

function readRow(json: unknown): IdentityRow {
  const { node, workload, isVm, certificate, remark } = recordOf(json);
  return {
    node: textOf(node),
    workload: textOf(workload),
    isVm: isVm === true,
    certificate: certificate === null ? null : readCertificate(certificate),
    remark: textOf(remark),
  };
}

const LIMITS = ['leaf', 'intermediate', 'root'] as const;
const SOURCES = ['observed', 'issued', 'configured', 'probed', 'agent'] as const;

function readCertificate(json: unknown): NonNullable<IdentityRow['certificate']> {
  const fields = recordOf(json);
  const limitedBy = LIMITS.find((one) => one === fields['limitedBy']);
  const source = SOURCES.find((one) => one === fields['source']);
  if (limitedBy === undefined || source === undefined) throw new FormError('a certificate');
  return {
    identity: textOf(fields['identity']),
    serial: textOf(fields['serial']),
    notBeforeMs: numberOf(fields['notBeforeMs']),
    notAfterMs: numberOf(fields['notAfterMs']),
    limitedBy,
    issuer: textOf(fields['issuer']),
    rotateAtMs: numberOf(fields['rotateAtMs']),
    rotations: numberOf(fields['rotations']),
    source,
  };
}

function renderPage(page: Page): string {
  const { nowMs, certificates, encryptedShare, plaintextEdges, oneSidedEdges } = page;
  const table = renderTable(
    ['WORKLOAD', 'KIND', 'IDENTITY', 'EXPIRES IN', 'ROTATES', 'SOURCE', 'REMARK'],
    certificates.map(({ node, isVm, certificate, remark }) => [
      shortName(node),
      isVm ? 'VM' : '',
      certificate?.identity ?? 'unknown',
      certificate ? endsIn(certificate.notAfterMs - nowMs) : '',
      certificate ? `${dueIn(certificate.rotateAtMs - nowMs)} ×${certificate.rotations}` : '',
      certificate?.source ?? '',
      remark,
    ]),
  );
  const share =
    encryptedShare === null
      ? 'no bytes in 5 min'
      : `${(encryptedShare * 100).toFixed(0)} % of bytes`;
  const roots = page.roots.map(({ subject, fingerprint }) => `root ${subject} ${fingerprint}`);
  return [
    table,
    '',
    `encrypted ${share}, ${plaintextEdges} plaintext edges, ${oneSidedEdges} seen by one end only`,
    `trust domain ${page.trustDomain}`,
    ...roots,
  ].join('\n');
}

const endsIn = (ms: number): string => (ms > 0 ? span(ms) : `expired ${span(ms)} ago`);

/** A renewal begins some seconds after its time, and takes a round trip. */
const LATE_AFTER_MS = 30_000;

function dueIn(ms: number): string {
  if (ms > 0) return `in ${span(ms)}`;
  return ms > -LATE_AFTER_MS ? 'now' : `overdue ${span(ms)}`;
}

/** `22:14:07`, before or after. */
function span(ms: number): string {
  const seconds = Math.floor(Math.abs(ms) / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}
