// Keeps the workload's certificate valid: asks for one, renews it at half of its life, tries again
// with backoff, and tells the others when there is a new one. The key never leaves this machine.
import type { BackoffLimits } from '#base/backoff.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import { createCertificateRequest, createWorkloadKey, renderPrivateKey } from '#ca/csr.ts';
import {
  requestCertificate,
  type CertificateOutcome,
  type Credential,
} from './certificate-client.ts';
import type { AgentConfig } from './config.ts';
import type { Dial } from './control-plane.ts';
import { readFileIfPresent } from './files.ts';
import {
  identityState,
  parseSvid,
  renewAtMs,
  tokenProblem,
  trustBundle,
  type IdentityProblem,
  type IdentityState,
  type Svid,
} from './identity.ts';
import { loadProvisioned, loadSvid, loadTrustAnchor, saveSvid } from './identity-store.ts';
import { Retry } from './retry.ts';
import type { Seal } from './sealed-file.ts';

/**
 * A certificate is wanted soon while there is none, and there is half a life's time to renew one.
 */
const LIMITS: BackoffLimits = { firstMs: 500, maxMs: 60_000 };
/** Timers stand still while a machine sleeps: look at the wall clock at least this often. */
const LOOK_INTERVAL_MS = 30_000;

export type IdentityOptions = {
  readonly config: Pick<AgentConfig, 'node' | 'controlPlane' | 'credentials'>;
  readonly stateFile: string;
  readonly seal: Seal;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly dial?: Dial;
};

export class IdentityKeeper {
  readonly #options: IdentityOptions;
  readonly #retry: Retry;
  readonly #anchorPem: string;
  readonly #listeners: (() => void)[] = [];
  #svid: Svid | undefined;
  #renewAtMs = 0;
  #problem: IdentityProblem | undefined;

  private constructor(options: IdentityOptions, anchorPem: string, svid: Svid | undefined) {
    const { clock, random } = options;
    this.#options = options;
    this.#anchorPem = anchorPem;
    this.#retry = new Retry({ clock, random, limits: LIMITS });
    if (svid) this.#take(svid);
  }

  /** Takes up what an earlier run has left. @throws OperatorError FILE_UNREADABLE */
  static async load(options: IdentityOptions): Promise<IdentityKeeper> {
    const anchorPem = await loadTrustAnchor(options.config.controlPlane);
    const svid = await loadSvid(options.stateFile, {
      seal: options.seal,
      askedFor: askedFor(options.config),
    });
    if (svid) options.log.info('certificate of an earlier run', describe(svid));
    return new IdentityKeeper(options, anchorPem, svid);
  }

  state(): IdentityState {
    return identityState(this.#svid, this.#problem, this.#options.clock.nowMs());
  }

  /** Roots of the operator's file and of the authority's last answer, PEM. */
  get rootsPem(): string {
    return trustBundle(this.#anchorPem, this.#svid);
  }

  /** Called after each new certificate. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Runs until aborted.
   *
   * @throws OperatorError IDENTITY_REFUSED when the authority refuses and there never was an
   *   identity: only the operator can change that
   */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#waitUntilDue(signal);
      await this.#retry.wait(signal);
      const outcome = await this.#request(signal);
      const problem = outcome.kind === 'issued' ? await this.#accept(outcome.svid) : outcome;
      if (problem) this.#fail(problem);
    }
  }

  async #waitUntilDue(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      signal.throwIfAborted();
      const remainingMs = this.#renewAtMs - clock.nowMs();
      if (remainingMs <= 0) return;
      await clock.sleep(Math.min(remainingMs, LOOK_INTERVAL_MS), signal);
    }
  }

  /** With a certificate if there is one; if that is refused, with a token. */
  async #request(
    signal: AbortSignal,
  ): Promise<{ readonly kind: 'issued'; readonly svid: Svid } | IdentityProblem> {
    const key = createWorkloadKey();
    let refusal: IdentityProblem | undefined;
    for (const credential of await this.#credentials()) {
      if ('reason' in credential) return refusal ?? credential;
      const outcome = await this.#ask(createCertificateRequest(key), credential, signal);
      if (outcome.kind === 'refused') {
        refusal = outcome;
        continue;
      }
      if (outcome.kind !== 'issued') return outcome;
      const svid = parseSvid(renderPrivateKey(key), outcome.chainPem);
      if (svid.ok) return { kind: 'issued', svid: svid.value };
      const reason = `the authority's answer is unusable: ${svid.problem}`;
      return { kind: 'refused', reason, remedy: 'see the log of the control plane' };
    }
    return refusal ?? NO_CREDENTIAL;
  }

  #ask(csrPem: string, credential: Credential, signal: AbortSignal): Promise<CertificateOutcome> {
    const { config, dial } = this.#options;
    const { controlPlane, credentials, node } = config;
    const request = {
      csrPem,
      credential,
      lifetimeMs: credentials.lifetimeMs,
      workloadEntry: credentials.workloadEntry,
      clusterId: node.clusterId,
      rootsPem: this.rootsPem,
    };
    return requestCertificate(controlPlane, request, { signal, ...(dial && { dial }) });
  }

  /** In the order in which they are tried; the last may be what is wrong with the token. */
  async #credentials(): Promise<readonly (Credential | IdentityProblem)[]> {
    const { config, clock } = this.#options;
    const nowMs = clock.nowMs();
    const found: (Credential | IdentityProblem)[] = [];
    for (const svid of [this.#svid, await loadProvisioned(config.credentials)]) {
      if (!svid || nowMs >= svid.notAfterMs || nowMs < svid.notBeforeMs) continue;
      found.push({ kind: 'certificate', keyPem: svid.keyPem, chainPem: svid.chainPem });
    }
    const { tokenFile } = config.credentials;
    const token = (await readFileIfPresent(tokenFile))?.trim();
    const problem = token === undefined ? 'does not exist' : tokenProblem(token, nowMs);
    if (problem === undefined && token !== undefined) return [...found, { kind: 'token', token }];
    const reason = `the token ${tokenFile} ${problem}`;
    return [...found, { kind: 'refused', reason, remedy: `put a fresh token there` }];
  }

  async #accept(svid: Svid): Promise<undefined> {
    const { seal, stateFile, config, log } = this.#options;
    this.#retry.succeed();
    this.#problem = undefined;
    this.#take(svid);
    log.info('certificate issued', describe(svid));
    const { namespace, serviceAccount } = config.node;
    if (!svid.spiffeId.endsWith(`/ns/${namespace}/sa/${serviceAccount}`)) {
      log.warn('the identity is not the one of the settings', {
        identity: svid.spiffeId,
        namespace,
        serviceAccount,
      });
    }
    try {
      await saveSvid(stateFile, svid, {
        seal,
        askedFor: askedFor(config),
        outputDir: config.credentials.outputCertsDir,
        rootsPem: this.rootsPem,
      });
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      // it is used all the same; a restart would ask for another one
      log.warn('certificate not saved', { reason: error.message });
    }
    for (const listener of this.#listeners) listener();
  }

  #take(svid: Svid): void {
    this.#svid = svid;
    this.#renewAtMs = renewAtMs(svid, this.#options.random());
  }

  #fail(problem: IdentityProblem): void {
    const isNews = this.#problem?.reason !== problem.reason;
    this.#problem = problem;
    this.#retry.fail();
    if (problem.kind === 'refused' && !this.#svid) {
      throw new OperatorError('IDENTITY_REFUSED', problem.reason, { remedy: problem.remedy });
    }
    const { reason, remedy } = problem;
    if (isNews) this.#options.log.warn(`certificate ${problem.kind}`, { reason, remedy });
  }
}

/** What the settings say that this workload is; a stored certificate is for just that. */
export const askedFor = ({ node, credentials }: IdentityOptions['config']): string =>
  [node.namespace, node.serviceAccount, credentials.workloadEntry ?? ''].join('/');

const NO_CREDENTIAL: IdentityProblem = {
  kind: 'refused',
  reason: 'there is neither a token nor a valid certificate',
  remedy: 'give this machine a token of its service account',
};

const describe = (svid: Svid) => ({
  identity: svid.spiffeId,
  serial: svid.serialNumber,
  notAfter: new Date(svid.notAfterMs).toISOString(),
});
