// Which certificate each workload has, as far as the control plane has seen it: those that it
// issued since it started, and those that proxies presented. For the debug pages: decides nothing.
import type { X509Certificate } from 'node:crypto';
import { certificateNameOf, spiffeIdOf, type WorkloadIdentity } from '#base/workload-identity.ts';
import type { Authority } from '#ca/authority.ts';
import type { Refusal } from '#ca/service.ts';

export type SeenCertificate = {
  readonly spiffeId: string;
  /** Hexadecimal, lower case. */
  readonly serial: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** Given out by this control plane, or shown to it when the stream was opened. */
  readonly seen: 'issued' | 'presented';
  /** How many times it was renewed, as far as this control plane has seen. */
  readonly rotations: number;
  /** SHA-256 of the root that it leads up to; absent of what was only presented. */
  readonly root?: string;
};

/** Told of what was just seen. @param id of the workload's streams: `Pod/default/inventory-1` */
export type CertificateListener = (id: string, certificate: SeenCertificate) => void;

/** About 300 bytes each; of more workloads the longest unheard of are forgotten. */
const WORKLOADS_MAX = 20_000;

export class CertificateLedger {
  readonly #seen = new Map<string, SeenCertificate>();
  readonly #workloadsMax: number;
  readonly #listeners = new Set<CertificateListener>();
  readonly #refusalListeners = new Set<(refusal: Refusal) => void>();

  constructor(options: { readonly workloadsMax?: number } = {}) {
    this.#workloadsMax = options.workloadsMax ?? WORKLOADS_MAX;
  }

  /** The same authority; what it issues to workloads is written down here. */
  watch(authority: Authority): Authority {
    return {
      ...authority,
      issueWorkload: (request) => {
        const issued = authority.issueWorkload(request);
        this.#note(request.identity, {
          spiffeId: spiffeIdOf(request.identity),
          serial: issued.serial,
          notBefore: new Date(issued.notBeforeMs).toISOString(),
          notAfter: new Date(issued.notAfterMs).toISOString(),
          seen: 'issued',
          ...rootOf(authority),
        });
        return issued;
      },
    };
  }

  /** A stream was opened with this certificate. What was issued since is newer, and stays. */
  presented(identity: WorkloadIdentity, certificate: X509Certificate): void {
    const notBefore = new Date(certificate.validFrom).toISOString();
    const present = this.get(idOf(identity) ?? '');
    if (present && present.notBefore >= notBefore) return;
    this.#note(identity, {
      spiffeId: spiffeIdOf(identity),
      serial: certificate.serialNumber.toLowerCase(),
      notBefore,
      notAfter: new Date(certificate.validTo).toISOString(),
      seen: 'presented',
    });
  }

  onSeen(listener: CertificateListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Somebody asked for a certificate and could not prove who they are. */
  refused(refusal: Refusal): void {
    for (const listener of this.#refusalListeners) listener(refusal);
  }

  onRefused(listener: (refusal: Refusal) => void): () => void {
    this.#refusalListeners.add(listener);
    return () => this.#refusalListeners.delete(listener);
  }

  /** @param id of the workload's streams: `Pod/default/inventory-1` */
  get(id: string): SeenCertificate | undefined {
    return this.#seen.get(id);
  }

  #note(identity: WorkloadIdentity, found: Omit<SeenCertificate, 'rotations'>): void {
    const id = idOf(identity);
    if (id === undefined) return;
    const before = this.#seen.get(id);
    const isOther = before !== undefined && before.serial !== found.serial;
    const certificate = { ...found, rotations: (before?.rotations ?? 0) + (isOther ? 1 : 0) };
    this.#seen.delete(id); // to the end of the map's order
    this.#seen.set(id, certificate);
    for (const listener of this.#listeners) listener(id, certificate);
    const [eldest] = this.#seen.keys();
    if (this.#seen.size > this.#workloadsMax && eldest !== undefined) this.#seen.delete(eldest);
  }
}

function rootOf({ chain }: Authority): { readonly root?: string } {
  const root = chain.at(-1)?.fingerprint256;
  return root === undefined ? {} : { root };
}

function idOf({ namespace, workload }: WorkloadIdentity): string | undefined {
  return workload && `${workload.kind}/${namespace}/${certificateNameOf(workload.name)}`;
}
