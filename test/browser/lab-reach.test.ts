// Why A cannot reach B, in a real mesh that is whole, and then broken in one place after the other:
// the first step that fails is the one that was broken, on the page and in a shell alike, and it is
// what happens to real connections.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { systemClock } from '#base/clock.ts';
import type { IdentityReport } from '#api/identity.ts';
import { REACH_STEPS, type ReachResult } from '#api/reach.ts';
import { createRoot } from '#ca/root.ts';
import { PLUGGED_IN_SECRET } from '#ca/root-secret.ts';
import { AUTHORIZATION_POLICY, DESTINATION_RULE, SECRET } from '#kube/resources.ts';
import { enterSandbox } from '#lab/enter.ts';
import { eventually } from '#lab/eventually.ts';
import { Writer } from '#lab/library.ts';
import { CLIENT, TARGET, VM } from '#lab/library-mesh.ts';
import * as manifests from '#lab/manifests.ts';
import { proofCommand } from '../../console/src/pages/identity/proof.ts';
import { LabConsole } from './lab-console.ts';

await enterSandbox();

const ASKED = `/reach?from=${CLIENT}.default&to=${VM}.default&port=${TARGET.port}`;
/** From a fix to an answer that all is well, at most. */
const MENDED_MS = 10_000;
/** Of these steps a test says more than the resources do. */
const PROBED: ReadonlySet<string> = new Set(['name', 'capture', 'network', 'port', 'application']);
const DENIAL: manifests.Manifest = {
  type: AUTHORIZATION_POLICY,
  object: {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'no-client', namespace: 'default' },
    spec: {
      action: 'DENY',
      rules: [{ from: [{ source: { principals: ['cluster.local/ns/default/sa/*'] } }] }],
    },
  },
};

describe('reach, in a mesh that is whole and then broken', { concurrency: false }, () => {
  let lab: LabConsole;
  let page: Page;
  let complaints: readonly string[];
  /** Writes book after book, each over a connection of its own, and tries again when refused. */
  let writer: Writer;

  before(async () => {
    lab = await LabConsole.create({ env: process.env, enableAutoMtls: true });
    ({ page, complaints } = await lab.open());
    writer = Writer.start(lab.mesh.client.machine, { ...TARGET, note: 'x' });
  });
  after(() => lab[Symbol.asyncDispose]());

  const verdict = (): Locator => page.getByRole('region', { name: 'Verdict' });
  const steps = (of = page): Locator =>
    of.getByRole('list', { name: 'Steps' }).getByRole('listitem');

  /** Opens the question, and has it probed where that is wanted, until the page says so. */
  async function ask(says: string, options: { readonly isProbed: boolean }): Promise<void> {
    await page.goto(`${lab.url}${ASKED}`);
    await verdict().waitFor();
    if (options.isProbed) await page.getByRole('button', { name: 'Probe now' }).click();
    await verdict().getByText(says).waitFor({ timeout: MENDED_MS });
  }

  /** As an operator types it. */
  async function why(...words: readonly string[]): Promise<ReachResult> {
    const line = ['isthmus why', CLIENT, ...words, '-o json'].join(' ');
    const { stdout, stderr } = await lab.mesh.cluster.type(line);
    assert(stdout.startsWith('{'), `${stdout}${stderr}`);
    const result: ReachResult = JSON.parse(stdout); // of the program under test
    return result;
  }

  /** The step that decided, in the shell's answer. */
  async function failedStep(...words: readonly string[]): Promise<ReachResult['steps'][number]> {
    const { steps: all } = await why(...(words.length > 0 ? words : [`${VM}:${TARGET.port}`]));
    const found = all.find(({ verdict: said }) => said === 'failed');
    assert(found, JSON.stringify(all));
    return found;
  }

  /** Runs what “Show as command” shows; it ends with `status` and says what the page says. */
  async function assertSameInShell(status: number): Promise<void> {
    await page.getByRole('button', { name: 'Show as command' }).click();
    const shown = page.getByRole('region', { name: 'Command', exact: true });
    const line = (await shown.getByRole('code').innerText()).trim();
    assert.match(line, /^isthmus why /);
    const { status: ended, stdout, stderr } = await lab.mesh.cluster.type(line);
    const said = await verdict().locator('.verdict-line').innerText();
    assert(stdout.includes(said), `${line}\n${stdout}${stderr}\n${said}`);
    assert.equal(ended, status, stdout);
  }

  async function nft(commands: string): Promise<void> {
    const { status, stderr } = await lab.mesh.cloud.machine(VM).run(['nft', commands]);
    assert.equal(status, 0, stderr);
  }

  test('a healthy pair: a probe passes eleven steps, each says what it rests on', async () => {
    await writer.waitForMore(1, 10_000);
    await ask('Can connect.', { isProbed: true });
    const rows = await steps().allInnerTexts();
    assert.equal(rows.length, REACH_STEPS.length);
    for (const row of rows) assert.match(row, /, passed\.[^]*(observed|probed|configured)$/);
    await steps().filter({ hasText: 'Network' }).getByText('probed').waitFor();
    await assertSameInShell(0);
    const result = await why(`${VM}:${TARGET.port}`, '--probe');
    assert.equal(result.summary, 'Can connect.');
    for (const { name, source, verdict: said, summary } of result.steps) {
      assert.equal(said, 'passed', `${name}: ${summary}`);
      if (PROBED.has(name)) assert.equal(source, 'probed', name);
    }
  });

  test('who ask at the same moment are all answered, though an agent takes four at a time', async () => {
    const place = `${VM}:${TARGET.port}`;
    const answers = await Promise.all([1, 2, 3].map(() => why(place, '--probe')));
    for (const { steps: all } of answers) {
      assert.deepEqual(
        all.filter(({ verdict: said }) => said !== 'passed'),
        [],
      );
    }
  });

  test('without a probe, traffic of just now is the evidence, with its age', async () => {
    const result = await eventually('that it was reported', async () => {
      const answer = await why(`${VM}:${TARGET.port}`);
      return answer.verdict === 'can' ? answer : undefined;
    });
    for (const name of ['network', 'tls', 'identity', 'port', 'application']) {
      const step = result.steps.find((one) => one.name === name);
      assert.equal(step?.source, 'observed', name);
      assert.match(step.summary, /\d+ s ago$/, name);
    }
  });

  test('its link shows the same to somebody else', async () => {
    await page.getByRole('button', { name: 'Copy link' }).click();
    const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
    const heads = async (of: Page): Promise<string[]> =>
      (await steps(of).allInnerTexts()).map((text) => /^[^]*?, \w+\./.exec(text)?.[0] ?? text);
    await lab.visit(link.pathname + link.search, async (there) => {
      await there
        .getByRole('region', { name: 'Verdict' })
        .getByText(await verdict().locator('.verdict-line').innerText())
        .waitFor();
      assert.deepEqual(await heads(there), await heads(page));
    });
  });

  test('a misspelt host stops at its name, with the right one beside it', async () => {
    await page.goto(`${lab.url}${ASKED.replace(`to=${VM}`, 'to=postgresql-1-wm')}`);
    await verdict().getByText('stopped at step 1 of 11: Name').waitFor();
    await steps().first().getByText(new RegExp(VM)).first().waitFor();
    const { name, summary } = await failedStep(`postgresql-1-wm:${TARGET.port}`);
    assert.equal(name, 'name');
    assert.match(summary, new RegExp(`did you mean ${VM}\\?`));
    await assertSameInShell(1);
  });

  test('packets that are dropped: Network, timed out; its machine is up', async () => {
    await nft(
      'add table inet blocked; ' +
        'add chain inet blocked in { type filter hook prerouting priority -400; }; ' +
        `add rule inet blocked in tcp dport ${TARGET.port} drop`,
    );
    await ask('stopped at step 6 of 11: Network', { isProbed: true });
    assert.match(await steps().nth(5).innerText(), /timed out after 3\.\d s/);
    const { name, evidence } = await failedStep(`${VM}:${TARGET.port}`, '--probe');
    assert.equal(name, 'network');
    assert.match(evidence.join(), /its machine is up/);
    await nft('delete table inet blocked');
  });

  test('a server that is stopped: Port, and not a word of a firewall', async () => {
    await lab.mesh.postgres.stop();
    await ask('stopped at step 10 of 11: Port', { isProbed: true });
    const text = await steps().nth(9).innerText();
    assert.match(text, /nothing listens on port 5432 .* refused/);
    assert.doesNotMatch(text, /timed out|firewall/);
    assert.equal((await failedStep(`${VM}:${TARGET.port}`, '--probe')).name, 'port');
    await assertSameInShell(1);
    await lab.mesh.postgres.start();
    await writer.waitForMore(1, 10_000);
  });

  test('a server that demands mutual TLS of a client that speaks plaintext: TLS', async () => {
    const { cluster } = lab.mesh;
    const strict = manifests.peerAuthentication({ app: VM, mode: 'STRICT' });
    const inClear: manifests.Manifest = {
      type: DESTINATION_RULE,
      object: {
        metadata: { name: 'in-clear', namespace: 'default' },
        spec: { host: TARGET.host, trafficPolicy: { tls: { mode: 'DISABLE' } } },
      },
    };
    await cluster.apply(strict, inClear);
    await writer.waitForFailure(MENDED_MS);
    await ask('stopped at step 7 of 11: TLS', { isProbed: false });
    const said = /takes mutual TLS only \(STRICT\), and inventory\.default speaks plain/;
    assert.match(await steps().nth(6).innerText(), said);
    assert.match((await failedStep()).summary, said);
    await assertSameInShell(1);
    await cluster.remove(strict, inClear);
    await writer.waitForMore(1, MENDED_MS);
  });

  test('a policy that refuses: Authorization names its rule; the fix lets real books in', async () => {
    await lab.mesh.cluster.apply(DENIAL);
    assert.match(await writer.waitForFailure(MENDED_MS), /closed the connection/);
    await ask('stopped at step 9 of 11: Authorization', { isProbed: false });
    await page.getByRole('link', { name: 'AuthorizationPolicy default/no-client' }).waitFor();
    await verdict().getByText('DENY by default/no-client rule 1').waitFor();
    const { name, summary, object } = await failedStep();
    assert.equal(name, 'authorization');
    assert.equal(summary, 'DENY by default/no-client rule 1');
    assert.deepEqual(object, {
      kind: 'AuthorizationPolicy',
      namespace: 'default',
      name: 'no-client',
    });
    await assertSameInShell(1);
    const fix = page.getByRole('region', { name: 'Smallest fix' });
    await fix.getByRole('button', { name: 'Apply…' }).click();
    await fix.getByText(/1 newly allowed, 0 refused/).waitFor();
    await fix.getByRole('button', { name: 'Apply with auto-undo' }).click();
    await page
      .getByRole('region', { name: 'Applied fix' })
      .getByText(/undoes itself in/)
      .waitFor();
    await writer.waitForMore(1, MENDED_MS);
    await page.getByRole('button', { name: 'Probe now' }).click();
    await verdict().getByText('Can connect.').waitFor({ timeout: MENDED_MS });
  });

  test('identity prints both in a shell, with the time that is left', async () => {
    const { stdout, stderr } = await lab.mesh.cluster.type('isthmus identity');
    const line = new RegExp(`^${VM}\\.default +VM +spiffe://.* \\d\\d:\\d\\d:\\d\\d`, 'm');
    assert.match(stdout, line, stderr);
    assert.match(stdout, new RegExp(`^${CLIENT}\\.default +- +spiffe:`, 'm'));
    assert.match(stdout, /^root .* ([0-9a-f]{2}:){31}[0-9a-f]{2}$/m);
  });

  test('the line that verifies a server shows the certificate that Identity tells of', async () => {
    const { stdout: json } = await lab.mesh.cluster.type('isthmus identity -o json');
    const { certificates }: IdentityReport = JSON.parse(json); // of the program under test
    const told = certificates.find(({ workload }) => workload === VM)?.certificate;
    assert(told);
    // a machine without a proxy: with one it would speak to that instead
    const line = proofCommand(lab.mesh.vm.machine.address, TARGET.port);
    const { status, stdout, stderr } = await lab.mesh.cluster.type(line);
    assert.equal(status, 0, stderr);
    const [, serial = ''] = /^serial=([0-9A-F]+)$/m.exec(stdout) ?? [];
    assert.equal(serial.toLowerCase(), told.serial.replaceAll(':', ''));
    const [, until = ''] = /^notAfter=(.*)$/m.exec(stdout) ?? [];
    assert.equal(Date.parse(until), told.notAfterMs);
    assert(stdout.includes(`URI:${told.identity}`), stdout);
  });

  // the last one: after it the VM is of another trust than the mesh
  test('a server of another root than the mesh’s: TLS, and another reason', async () => {
    const { certificatePem, keyPem } = createRoot(manifests.TRUST_DOMAIN, systemClock.nowMs());
    const files = {
      'ca-cert.pem': certificatePem,
      'ca-key.pem': keyPem,
      'cert-chain.pem': '',
      'root-cert.pem': certificatePem,
    };
    const encoded = Object.entries(files).map(([name, text]) => [name, btoa(text)]);
    const metadata = { name: PLUGGED_IN_SECRET, namespace: manifests.ROOT_NAMESPACE };
    const object = { metadata, data: Object.fromEntries(encoded) };
    await lab.mesh.cluster.apply({ type: SECRET, object });
    await eventually('the roots of the mesh', async () => {
      const roots = await lab.mesh.cluster.rootCertificates();
      return roots.trim() === certificatePem.trim() || undefined;
    });
    await lab.mesh.client.renewTrust(lab.mesh.cluster);
    await writer.waitForFailure(MENDED_MS);
    await ask('stopped at step 7 of 11: TLS', { isProbed: false });
    const said = new RegExp(
      `the certificate of ${VM}\\.default is signed by .* no root of the mesh`,
    );
    assert.match(await steps().nth(6).innerText(), said);
    assert.match((await failedStep()).summary, said);
    await assertSameInShell(1);
  });

  test('nothing of it broke the rules of the page', () => {
    assert.deepEqual(complaints, []);
  });
});
