// The parent's handle on the process of the simulated proxies.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ProxyCredentials } from './xds-mesh.ts';
import type { ProxiesCommand, ProxiesReport } from './xds-proxies.ts';

const PROGRAM = fileURLToPath(new URL('./xds-proxies.ts', import.meta.url));

type Kind = ProxiesReport['kind'];
type ReportOf<K extends Kind> = Extract<ProxiesReport, { kind: K }>;

export class BenchProxies implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<Kind, (report: ProxiesReport) => void>();
  readonly #ended: Promise<never>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, 'exit').then(() => {
      throw new Error('the process of the proxies has ended');
    });
    this.#ended.catch(() => undefined);
    child.on('message', (report: ProxiesReport) => {
      this.#waiting.get(report.kind)?.(report);
      this.#waiting.delete(report.kind);
    });
  }

  static async start(): Promise<BenchProxies> {
    const child = fork(PROGRAM, { execArgv: ['--disable-warning=ExperimentalWarning'] });
    await once(child, 'spawn');
    return new BenchProxies(child);
  }

  /** @returns bytes of all messages received until every proxy had everything it asked for */
  async connect(port: number, { ca, serverName, key, specs }: ProxyCredentials): Promise<number> {
    const address = { host: '127.0.0.1', port };
    this.#send({ kind: 'connect', ...address, ca, serverName, key, proxies: specs });
    return (await this.#report('connected')).payloadBytes;
  }

  async payloadBytes(): Promise<number> {
    this.#send({ kind: 'count' });
    return (await this.#report('counted')).payloadBytes;
  }

  /** @returns how many hold these endpoints, and when the next version has reached them all */
  async awaitEndpoints(name: string): Promise<{
    readonly holders: number;
    readonly arrived: Promise<ReportOf<'arrived'>>;
  }> {
    const arrived = this.#report('arrived');
    arrived.catch(() => undefined); // whoever waits for it is told; nobody may
    this.#send({ kind: 'await-endpoints', name });
    const { holders } = await this.#report('awaiting');
    return { holders, arrived };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }

  #send(command: ProxiesCommand): void {
    this.#child.send(command);
  }

  async #report<K extends Kind>(kind: K): Promise<ReportOf<K>> {
    const report = new Promise<ProxiesReport>((resolve) => this.#waiting.set(kind, resolve));
    const answer = await Promise.race([report, this.#ended]);
    if (!isOf(answer, kind)) throw new Error(`expected ${kind}`);
    return answer;
  }
}

function isOf<K extends Kind>(report: ProxiesReport, kind: K): report is ReportOf<K> {
  return report.kind === kind;
}
