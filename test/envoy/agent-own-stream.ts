// An agent's own stream to a control plane that can come and go on one port, for tests of what
// follows the control plane. Everything it starts it ends.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { ControlPlane } from '../../src/agent/control-plane.ts';
import { OwnStream, type OwnType } from '../../src/agent/own-stream.ts';
import { Retry } from '../../src/agent/retry.ts';
import { FakeMesh, SERVER_NAME } from './agent-control-plane.ts';

export class OwnStreamBench implements AsyncDisposable {
  readonly mesh = new FakeMesh();
  readonly #dir: string;
  readonly #stop = new AbortController();
  #controlPlane: ControlPlane | undefined;
  #stream: OwnStream | undefined;
  #running: Promise<unknown> = Promise.resolve();

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async make(): Promise<OwnStreamBench> {
    return new OwnStreamBench(await mkdtemp(join(tmpdir(), 'isthmus-own-')));
  }

  /** A file of the agent's. */
  file(name: string): string {
    return join(this.#dir, name);
  }

  /** The stream that runs, once `start` was called. */
  get stream(): OwnStream | undefined {
    return this.#stream;
  }

  /** @param tasks what else runs as long */
  start(
    port: number,
    types: readonly OwnType[],
    tasks: readonly ((signal: AbortSignal) => Promise<void>)[] = [],
  ): void {
    const target = { host: '127.0.0.1', port };
    const config = { xds: target, ca: target, serverName: SERVER_NAME, rootCertFiles: [] };
    this.#controlPlane = new ControlPlane(config);
    const { key, cert } = this.mesh.issue('spiffe://cluster.local/ns/default/sa/vm');
    const rootsPem = this.mesh.authority.trustBundlePem;
    this.#controlPlane.setCredentials({ keyPem: key, chainPem: cert, rootsPem });
    const limits = { firstMs: 10, maxMs: 20 };
    const stream = new OwnStream(
      {
        controlPlane: this.#controlPlane,
        nodeId: 'sidecar~10.0.0.1~vm.default~default.svc.cluster.local',
        retry: new Retry({ clock: systemClock, random: () => 0, limits }),
        log: silentLogger,
        onWorking: () => undefined,
      },
      types,
    );
    this.#stream = stream;
    const { signal } = this.#stop;
    const all = [(it: AbortSignal) => stream.run(it), ...tasks];
    const running = all.map(async (task) => {
      try {
        await task(signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    });
    this.#running = Promise.all(running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#controlPlane?.[Symbol.asyncDispose]();
    await rm(this.#dir, { recursive: true });
  }
}
