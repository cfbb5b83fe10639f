// Reads what the control plane's pages answer into their types: the other end may be of another
// version. Pure.
import type { JsonValue } from '@bufbuild/protobuf';
import type { SeenCertificate } from '#controlplane/debug-certificates.ts';
import type { ShownResource } from '#controlplane/debug-config.ts';
import type { TlsRow } from '#controlplane/debug-tls.ts';
import type { ShownRoot } from '#controlplane/debug.ts';
import { isRecord } from '#kube/objects.ts';

/** Thrown where an answer has another form; the caller says whose it was. */
export class FormError extends Error {
  override readonly name = 'FormError';
}

export function recordOf(value: unknown): Record<string, unknown> {
  if (isRecord(value)) return value;
  throw new FormError('expected an object');
}

export function listOf<T>(value: unknown, read: (item: unknown) => T): readonly T[] {
  if (!Array.isArray(value)) throw new FormError('expected a list');
  return value.map((item: unknown) => read(item));
}

export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new FormError('expected text');
}

export function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  throw new FormError('expected a number');
}

const optional = <T>(value: unknown, read: (value: unknown) => T): T | undefined =>
  value === undefined ? undefined : read(value);

export type ConfigPage = {
  readonly proxy: string;
  readonly resources: readonly ShownResource[];
  readonly held: number;
  readonly reachable: number | undefined;
  readonly next: number | undefined;
};

export function readConfigPage(json: unknown): ConfigPage {
  const page = recordOf(json);
  return {
    proxy: textOf(page['proxy']),
    resources: listOf(page['resources'], readResource),
    held: numberOf(page['held']),
    reachable: optional(page['reachable'], numberOf),
    next: optional(page['next'], numberOf),
  };
}

function readResource(json: unknown): ShownResource {
  const { name, version, isHeld, isAcknowledged, rejection, resource } = recordOf(json);
  return {
    name: textOf(name),
    version: textOf(version),
    isHeld: isHeld === true,
    isAcknowledged: isAcknowledged === true,
    ...(typeof rejection === 'string' && { rejection }),
    resource: jsonOf(resource),
  };
}

/** What JSON.parse made is JSON; only its type says less. */
function jsonOf(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(jsonOf);
  if (isRecord(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonOf(item)]));
  }
  const isPlain = value === null || ['string', 'number', 'boolean'].includes(typeof value);
  if (isPlain) return JSON.parse(JSON.stringify(value));
  throw new FormError('expected JSON');
}

export type CertificatesPage = {
  readonly proxy: string;
  readonly certificate: SeenCertificate | undefined;
  readonly roots: readonly ShownRoot[];
};

export function readCertificatesPage(json: unknown): CertificatesPage {
  const page = recordOf(json);
  return {
    proxy: textOf(page['proxy']),
    certificate: optional(page['certificate'], readCertificate),
    roots: listOf(page['roots'], (item) => {
      const root = recordOf(item);
      return { subject: textOf(root['subject']), ...readWindow(root) };
    }),
  };
}

function readCertificate(json: unknown): SeenCertificate {
  const certificate = recordOf(json);
  const seen = certificate['seen'] === 'issued' ? 'issued' : 'presented';
  const rotations = Number(certificate['rotations'] ?? 0);
  return { spiffeId: textOf(certificate['spiffeId']), ...readWindow(certificate), seen, rotations };
}

const readWindow = ({ serial, notBefore, notAfter }: Record<string, unknown>) => ({
  serial: textOf(serial),
  notBefore: textOf(notBefore),
  notAfter: textOf(notAfter),
});

/** A row as it is shown; of what the words in it may be only the server knows. */
export type ShownTlsRow = Record<keyof Omit<TlsRow, 'accepts'>, string> & {
  readonly accepts: readonly string[];
};

export type TlsPage = {
  readonly from: string;
  readonly to: string;
  readonly rows: readonly ShownTlsRow[];
};

export function readTlsPage(json: unknown): TlsPage {
  const page = recordOf(json);
  return {
    from: textOf(page['from']),
    to: textOf(page['to']),
    rows: listOf(page['rows'], (item) => {
      const row = recordOf(item);
      return {
        destination: textOf(row['destination']),
        endpoint: textOf(row['endpoint']),
        workload: optional(row['workload'], textOf) ?? '',
        server: textOf(row['server']),
        client: textOf(row['client']),
        status: textOf(row['status']),
        accepts: listOf(row['accepts'], textOf),
      };
    }),
  };
}

export type StreamType = {
  readonly typeUrl: string;
  readonly names: number;
  readonly acknowledged: number;
  readonly due: number;
  readonly rejections: readonly { readonly name: string; readonly message: string }[];
};

export type StreamState = {
  /** `Pod/default/inventory-1`. */
  readonly id: string;
  readonly remoteAddress: string;
  readonly connectedAtMs: number;
  readonly types: readonly StreamType[];
};

export function readStreams(json: unknown): readonly StreamState[] {
  return listOf(json, (item) => {
    const stream = recordOf(item);
    return {
      id: textOf(stream['id']),
      remoteAddress: textOf(stream['remoteAddress']),
      connectedAtMs: numberOf(stream['connectedAtMs']),
      types: listOf(stream['types'], readStreamType),
    };
  });
}

function readStreamType(json: unknown): StreamType {
  const type = recordOf(json);
  return {
    typeUrl: textOf(type['typeUrl']),
    names: numberOf(type['nameCount']),
    acknowledged: numberOf(type['acknowledgedCount']),
    due: numberOf(type['dueCount']),
    rejections: listOf(type['rejections'], (item) => {
      const { name, message } = recordOf(item);
      return { name: textOf(name), message: textOf(message) };
    }),
  };
}
