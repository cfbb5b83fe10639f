import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import { createRoot } from '#ca/root.ts';
import { FakeControlPlane, FakeMesh, SERVER_NAME } from '../../test/envoy/agent-control-plane.ts';
import { FakeClock } from '../../test/fakes/clock.ts';
import { parseAgentConfig, type AgentConfig } from './config.ts';
import { IdentityKeeper } from './identity-keeper.ts';
import { Seal } from './sealed-file.ts';
import type { Svid } from './identity.ts';

/** Far beyond what any of these takes; what waits for ever has failed. */
const LIMIT = { timeout: 20_000 };
const SPIFFE_ID = 'spiffe://cluster.local/ns/default/sa/postgresql-1-vm';
const HOUR_MS = 3_600_000;

const tokenOf = (claims: object): string =>
  `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;

/** A machine with a root certificate and a token, and a mesh that knows the token. */
class Machine implements AsyncDisposable {
  readonly mesh = new FakeMesh();
  readonly clock = new FakeClock(Date.now());
  readonly token = tokenOf({ exp: Math.floor(Date.now() / 1000) + 3600, jti: Math.random() });
  readonly #seal = new Seal(new Uint8Array(32));
  #dir = '';
  #port = 15012;
  #started = false;

  static async make(): Promise<Machine> {
    const machine = new Machine();
    machine.#dir = await mkdtemp(join(tmpdir(), 'isthmus-identity-'));
    await writeFile(machine.path('root-cert.pem'), machine.mesh.material.rootPem);
    await machine.putToken(machine.token);
    machine.mesh.tokens.set(machine.token, {
      trustDomain: 'cluster.local',
      namespace: 'default',
      serviceAccount: 'postgresql-1-vm',
      workload: { kind: 'WorkloadEntry', name: 'postgresql-1-vm' },
    });
    return machine;
  }

  async startControlPlane(): Promise<FakeControlPlane> {
    const controlPlane = await FakeControlPlane.start(this.mesh, this.#started ? this.#port : 0);
    this.#port = controlPlane.port;
    this.#started = true;
    return controlPlane;
  }

  path(name: string): string {
    return join(this.#dir, name);
  }

  putToken(token: string): Promise<void> {
    return writeFile(this.path('token'), token);
  }

  config(env: Readonly<Record<string, string>> = {}): AgentConfig {
    return parseAgentConfig({
      argv: [],
      env: {
        CA_ADDR: `127.0.0.1:${this.#port}`,
        ISTIOD_SAN: SERVER_NAME,
        PROV_CERT: this.#dir,
        ISTHMUS_TOKEN_FILE: this.path('token'),
        SERVICE_ACCOUNT: 'postgresql-1-vm',
        ...env,
      },
      hostname: 'vm',
      readFile: () => undefined,
      parseYaml: () => undefined,
    });
  }

  keeper(env?: Readonly<Record<string, string>>): Promise<IdentityKeeper> {
    return IdentityKeeper.load({
      config: this.config(env),
      stateFile: this.path('identity.sealed'),
      seal: this.#seal,
      clock: this.clock,
      random: () => 0.5,
      log: silentLogger,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#dir, { recursive: true });
  }
}

/** Runs a keeper until the work is done. */
async function running<T>(keeper: IdentityKeeper, work: () => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const ended = keeper.run(stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  try {
    return await Promise.race([work(), ended.then(() => Promise.reject(new Error('it ended')))]);
  } finally {
    stop.abort();
    await ended;
  }
}

const nextChange = (keeper: IdentityKeeper): Promise<void> =>
  new Promise((resolve) => keeper.onChange(resolve));

function svidOf(keeper: IdentityKeeper): Svid {
  const state = keeper.state();
  assert(state.kind === 'valid', state.kind);
  return state.svid;
}

test(
  'a token becomes a certificate, kept with its key in a file for its owner only',
  LIMIT,
  async () => {
    await using machine = await Machine.make();
    await using _controlPlane = await machine.startControlPlane();
    const keeper = await machine.keeper();
    assert.equal(keeper.state().kind, 'none');
    await running(keeper, () => nextChange(keeper));
    const svid = svidOf(keeper);
    assert.equal(svid.spiffeId, SPIFFE_ID);
    assert.doesNotMatch(svid.chainPem, /CERTIFICATE[\s\S]*CERTIFICATE[\s\S]*BEGIN CERTIFICATE/);
    assert.equal((await stat(machine.path('identity.sealed'))).mode & 0o777, 0o600);
    assert.deepEqual((await readdir(machine.path('.'))).sort(), [
      'identity.sealed',
      'root-cert.pem',
      'token',
    ]);

    const restarted = await machine.keeper();
    assert.equal(svidOf(restarted).serialNumber, svid.serialNumber);
    assert.equal(svidOf(restarted).keyPem, svid.keyPem);
  },
);

test('at half of its life it is renewed with itself: a new key, and no token', LIMIT, async () => {
  await using machine = await Machine.make();
  await using _controlPlane = await machine.startControlPlane();
  const keeper = await machine.keeper();
  await running(keeper, () => nextChange(keeper));
  const first = svidOf(keeper);
  await rm(machine.path('token'));
  const before = machine.mesh.seen.length;
  await running(keeper, async () => {
    await machine.clock.untilSleeping(30_000);
    machine.clock.advance(10 * HOUR_MS); // earliest renewal: half of 24 h less a tenth
    await machine.clock.untilSleeping(30_000);
    assert.equal(machine.mesh.seen.length, before, 'renewed too early');
    const changed = nextChange(keeper);
    machine.clock.advance(2 * HOUR_MS);
    await changed;
  });
  const second = svidOf(keeper);
  assert.notEqual(second.serialNumber, first.serialNumber);
  assert.notEqual(second.keyPem, first.keyPem);
  assert.deepEqual(machine.mesh.seen.at(-1), {
    kind: 'issued',
    serial: second.serialNumber,
    by: 'certificate',
  });
});

test('OUTPUT_CERTS gets the three files that Istio writes', LIMIT, async () => {
  await using machine = await Machine.make();
  await using _controlPlane = await machine.startControlPlane();
  const keeper = await machine.keeper({ OUTPUT_CERTS: machine.path('out') });
  await running(keeper, () => nextChange(keeper));
  const { keyPem, chainPem } = svidOf(keeper);
  assert.equal(await readFile(machine.path('out/key.pem'), 'utf8'), keyPem);
  assert.equal(await readFile(machine.path('out/cert-chain.pem'), 'utf8'), chainPem);
  assert.equal(
    await readFile(machine.path('out/root-cert.pem'), 'utf8'),
    machine.mesh.authority.trustBundlePem,
  );
});

test('a control plane that is away is tried again, and the state says why', LIMIT, async () => {
  await using machine = await Machine.make();
  const first = await machine.startControlPlane();
  await first[Symbol.asyncDispose]();
  const keeper = await machine.keeper();
  await running(keeper, async () => {
    await machine.clock.untilSleeping(375); // 0.5 s bound, jitter in the middle of its upper half
    const state = keeper.state();
    assert.equal(state.kind, 'none');
    assert.equal(state.problem?.kind, 'unreachable');
    assert.match(state.problem?.remedy ?? '', /CA_ADDR/);
    await using _back = await machine.startControlPlane();
    const changed = nextChange(keeper);
    machine.clock.advance(375);
    await changed;
  });
  assert.equal(keeper.state().problem, undefined);
});

test(
  'without an identity, what only the operator can change ends the agent and names it',
  LIMIT,
  async () => {
    const inThePast = Math.floor(Date.now() / 1000) - 60;
    const table: readonly (readonly [string | undefined, RegExp])[] = [
      [undefined, /token .*\/token does not exist/],
      ['not a jwt', /token .*\/token is no token/],
      [tokenOf({ exp: inThePast }), /token .*\/token expired at 20/],
      [tokenOf({ sub: 'foreign' }), /the token is of another mesh/],
    ];
    await using machine = await Machine.make();
    await using _controlPlane = await machine.startControlPlane();
    for (const [token, expected] of table) {
      if (token === undefined) await rm(machine.path('token'));
      else await machine.putToken(token);
      const keeper = await machine.keeper();
      await assert.rejects(keeper.run(new AbortController().signal), (error) => {
        assert(error instanceof OperatorError);
        assert.equal(error.code, 'IDENTITY_REFUSED');
        assert.match(error.message, expected);
        assert.notEqual(error.remedy, '');
        return true;
      });
    }
  },
);

test(
  'a refused renewal is a state, not an end: the certificate is used while it lasts',
  LIMIT,
  async () => {
    await using machine = await Machine.make();
    await using _controlPlane = await machine.startControlPlane();
    const keeper = await machine.keeper();
    await running(keeper, () => nextChange(keeper));
    const { notAfterMs } = svidOf(keeper);
    await rm(machine.path('token'));
    machine.clock.advance(notAfterMs - machine.clock.nowMs());
    await running(keeper, () => machine.clock.untilSleeping(375));
    const state = keeper.state();
    assert.equal(state.kind, 'expired');
    assert.match(state.problem?.reason ?? '', /token .* does not exist/);
  },
);

test('after the settings have changed, the stored identity is not used', LIMIT, async () => {
  await using machine = await Machine.make();
  await using _controlPlane = await machine.startControlPlane();
  const keeper = await machine.keeper();
  await running(keeper, () => nextChange(keeper));
  const other = await machine.keeper({ SERVICE_ACCOUNT: 'other' });
  assert.equal(other.state().kind, 'none');
});

test('the roots are those of the file and of the last answer', LIMIT, async () => {
  await using machine = await Machine.make();
  await using _controlPlane = await machine.startControlPlane();
  const next = createRoot('cluster.local', Date.now());
  await writeFile(machine.path('root-cert.pem'), machine.mesh.material.rootPem + next.rootPem);
  const keeper = await machine.keeper();
  const count = (pem: string): number => pem.match(/BEGIN CERTIFICATE/g)?.length ?? 0;
  assert.equal(count(keeper.rootsPem), 2);
  await running(keeper, () => nextChange(keeper));
  assert.equal(count(keeper.rootsPem), 2);
  await writeFile(machine.path('root-cert.pem'), next.rootPem);
  assert.equal(count((await machine.keeper()).rootsPem), 2, 'the authority named the other');
});

test(
  'an authority that the root certificate does not vouch for is not spoken to',
  LIMIT,
  async () => {
    await using machine = await Machine.make();
    await using _controlPlane = await machine.startControlPlane();
    await writeFile(machine.path('root-cert.pem'), createRoot('cluster.local', Date.now()).rootPem);
    const keeper = await machine.keeper();
    await running(keeper, () => machine.clock.untilSleeping(375));
    const { problem } = keeper.state();
    assert.equal(problem?.kind, 'unreachable');
    assert.match(problem?.reason ?? '', /self-signed|unable to (get|verify)|certificate/);
    assert.deepEqual(machine.mesh.seen, []);
  },
);

test('a missing or broken root certificate is named before anything else', LIMIT, async () => {
  await using machine = await Machine.make();
  for (const content of [undefined, 'no certificate']) {
    await rm(machine.path('root-cert.pem'), { force: true });
    if (content !== undefined) await writeFile(machine.path('root-cert.pem'), content);
    await assert.rejects(machine.keeper(), /root-cert.pem/);
  }
});
