// What is done from the console to a real mesh: a machine is invited and joins, a connection that
// is refused is explained and mended, a policy's impact is foretold and undone.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { SERVICE, type ResourceType } from '#kube/resources.ts';
import { isNotFound } from '#kube/status.ts';
import { isthmus } from '#lab/cluster.ts';
import { enterSandbox } from '#lab/enter.ts';
import { eventually } from '#lab/eventually.ts';
import { Writer } from '#lab/library.ts';
import { CLIENT, TARGET, VM } from '#lab/library-mesh.ts';
import { LabConsole } from './lab-console.ts';

await enterSandbox();

const NEW_VM = 'mysql-2-vm';
const NEW_VM_ADDRESS = '10.128.0.17';
const MYSQL = 3306;
/** The line is typed as it is shown; a machine of the lab has neither sudo nor a link to us. */
const SHELL = `sudo() { "$@"; }; isthmus() { ${isthmus().join(' ')} "$@"; }`;
const DENIAL = {
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name: 'nobody', namespace: 'default' },
  spec: {
    selector: { matchLabels: { app: VM } },
    action: 'DENY',
    rules: [{ to: [{ operation: { ports: [String(TARGET.port)] } }] }],
  },
};
const POLICY: ResourceType = {
  group: 'security.istio.io',
  version: 'v1',
  plural: 'authorizationpolicies',
  kind: 'AuthorizationPolicy',
  namespaced: true,
};

describe('from the console', { concurrency: false }, () => {
  let lab: LabConsole;
  let nextId = 1;

  before(async () => {
    const others = { [NEW_VM]: NEW_VM_ADDRESS };
    lab = await LabConsole.create({ env: process.env, enableAutoMtls: true, others });
    // what leads VMs to the control plane, as deploy/gateway has it
    const { address } = lab.mesh.cluster.machine;
    const ports = [{ name: 'tls-xds', port: 15_012, protocol: 'TCP' }];
    const metadata = { name: 'istio-ingressgateway', namespace: 'istio-system' };
    const object = { metadata, spec: { externalIPs: [address], ports } };
    await lab.mesh.cluster.apply({ type: SERVICE, object });
  });
  after(() => lab[Symbol.asyncDispose]());

  /** Tries to enter books, one short connection each. @returns how many got in within a while */
  async function insert(limitMs: number): Promise<number> {
    const options = { ...TARGET, note: 'x', firstId: nextId };
    nextId += 100;
    const writer = Writer.start(lab.mesh.client.machine, options);
    await Promise.race([writer.waitForMore(1, limitMs), writer.waitForFailure(limitMs)]).catch(
      () => undefined,
    );
    const { length } = writer.inserted;
    await writer.finish();
    return length;
  }

  async function at(path: string, look: (page: Page) => Promise<void>): Promise<void> {
    const { page, complaints, close } = await lab.open(path);
    try {
      await look(page);
      assert.deepEqual(complaints, []);
    } finally {
      await close();
    }
  }

  test('a machine joins by the command of “Add a VM”, typed as it is', async () => {
    await at('/join', async (page) => {
      await page.getByRole('button', { name: 'Add a VM' }).click();
      await page.getByLabel('Name', { exact: true }).fill(NEW_VM);
      await page.getByLabel('Service', { exact: true }).fill(NEW_VM);
      await page.getByLabel('Ports').fill(`tcp-mysql:${MYSQL}`);
      await page.getByRole('button', { name: 'Make the install command' }).click();
      const command = (
        await page.getByRole('region', { name: 'Install command' }).innerText()
      ).trim();
      assert.match(command, /^sudo isthmus vm join \S+$/);
      const vm = lab.mesh.cloud.machine(NEW_VM);
      const program = `require('net').createServer((s) => s.end('hi')).listen(${MYSQL}, '127.0.0.1')`;
      vm.start('mysql', [process.execPath, '-e', program]);
      const { status, stdout, stderr } = await vm.run(['bash', '-c', `${SHELL}\n${command}`]);
      assert.equal(status, 0, stdout + stderr);
      const steps = page.getByRole('list', { name: 'Join steps' }).getByRole('listitem');
      assert.equal(await steps.count(), 9);
      await steps.nth(7).getByText('done').waitFor();
      for (let step = 0; step < 8; step += 1) {
        assert.match(await steps.nth(step).innerText(), /done[\s\S]*\d\d:\d\d:\d\d/);
      }
      await page.getByRole('link', { name: 'Map' }).click();
      const node = page.getByRole('button', { name: new RegExp(`^${NEW_VM}, virtual machine`) });
      await node.waitFor();
    });
  });

  test('a refusal is explained by the policy, mended from there, and then it works', async () => {
    assert.equal(await insert(5_000), 1);
    await lab.mesh.cluster.apply({ type: POLICY, object: DENIAL });
    await eventually('a refusal', async () => ((await insert(2_000)) === 0 ? true : undefined));
    const query = new URLSearchParams({ from: CLIENT, to: VM, port: String(TARGET.port) });
    await at(`/reach?${query}`, async (page) => {
      const verdict = page.getByRole('region', { name: 'Verdict' });
      await verdict.getByText('stopped at step 9 of 11: Authorization').waitFor();
      await page.getByRole('link', { name: 'AuthorizationPolicy default/nobody' }).waitFor();
      const fix = page.getByRole('region', { name: 'Smallest fix' });
      await fix.getByRole('button', { name: 'Apply…' }).click();
      await fix.getByRole('button', { name: 'Apply with auto-undo' }).click();
      await eventually('a probe that connects', async () => {
        await page.getByRole('button', { name: 'Probe now' }).click();
        const said = await verdict
          .getByText('Can connect.')
          .waitFor()
          .then(
            () => true,
            () => undefined,
          );
        return said;
      });
    });
    assert.equal(await insert(5_000), 1);
  });

  test('policies are listed with what they do', async () => {
    await at('/policies', async (page) => {
      await page
        .getByRole('link', { name: /nobody/ })
        .first()
        .waitFor();
    });
    await lab.mesh.cluster.kube.remove(POLICY, DENIAL.metadata).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  });

  test('a workload’s tabs all open on a VM', async () => {
    await at(`/workloads/default/${VM}`, async (page) => {
      const tabs = page.getByRole('tab');
      await tabs.first().waitFor();
      const names = await tabs.allInnerTexts();
      assert.deepEqual(names, [
        'Overview',
        'Connections',
        'Metrics',
        'Proxy',
        'Logs',
        'Join',
        'Policies',
      ]);
      for (const name of names) {
        await page.getByRole('tab', { name }).click();
        await page.getByRole('tabpanel').waitFor();
        assert.equal(
          await page.getByRole('tabpanel').getByRole('button', { name: 'Retry' }).count(),
          0,
          name,
        );
      }
      await page.getByRole('tab', { name: 'Proxy' }).click();
      const row = page.getByRole('tabpanel').getByRole('row').filter({ hasText: '5432' });
      await row.first().waitFor();
    });
  });
});
