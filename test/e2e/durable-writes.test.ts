// What the API server has answered with 2xx is there after kill -9: real process, real sockets,
// several writers at once, killed in the middle of their writes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import type { KubeClient } from '#kube/client.ts';
import type { KubeObject } from '#kube/objects.ts';
import { CONFIG_MAP } from '#kube/resources.ts';
import { until } from '#lab/eventually.ts';
import { ApiServerProcess } from './api-server.ts';

const NAMESPACE = 'default';
const WRITERS = 6;
const KILLS = 3;
/** Acknowledged writes of each round before the kill. */
const WRITES_MIN = 150;

/** A version of an object, or GONE. */
type State = string;

const GONE: State = 'gone';

/** What one writer was told, object by object. */
class Ledger {
  readonly acknowledged = new Map<string, State>();
  /** The object whose write was under way when the server died: before or after, both are true. */
  underWay: string | undefined;
  writes = 0;

  acknowledge(name: string, state: State): void {
    this.acknowledged.set(name, state);
    this.underWay = undefined;
    this.writes += 1;
  }
}

/** Creates, changes and deletes objects of its own until the server is gone. */
async function write(client: KubeClient, writer: string, ledger: Ledger): Promise<void> {
  try {
    for (let count = 0; ; count += 1) {
      const name = `${writer}-${count}`;
      const ref = { namespace: NAMESPACE, name };
      ledger.underWay = name;
      const created = await client.create(CONFIG_MAP, { metadata: ref, data: { text: 'a' } });
      ledger.acknowledge(name, versionOf(created));
      ledger.underWay = name;
      const patch = { data: { text: 'b' } };
      const patched = await client.patch(CONFIG_MAP, ref, patch, { kind: 'merge' });
      ledger.acknowledge(name, versionOf(patched));
      if (count % 3 > 0) continue;
      ledger.underWay = name;
      await client.remove(CONFIG_MAP, ref);
      ledger.acknowledge(name, GONE);
    }
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error; // else the server is gone, as it should be
  }
}

const versionOf = ({ metadata }: KubeObject): State => metadata.resourceVersion ?? GONE;

test('every acknowledged write survives kill -9 under load', async () => {
  await using server = await ApiServerProcess.start();
  const client = await server.client();
  const ledgers: Ledger[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    const round = Array.from({ length: WRITERS }, () => new Ledger());
    ledgers.push(...round);
    const writing = round.map((ledger, index) => write(client, `w${kill}-${index}`, ledger));
    const written = (): number => round.reduce((sum, { writes }) => sum + writes, 0);
    await until('writes', async () => written() >= WRITES_MIN);
    await server.kill();
    await Promise.all(writing);
    await server.restart();
    const { items } = await client.list(CONFIG_MAP, { namespace: NAMESPACE });
    const present = new Map(items.map((item) => [item.metadata.name, versionOf(item)]));
    const lost = ledgers.flatMap((ledger) => lostBy(ledger, present));
    assert.deepEqual(lost, [], `after kill ${kill + 1} and ${written()} writes`);
  }
});

function lostBy(ledger: Ledger, present: ReadonlyMap<string, State>): string[] {
  return [...ledger.acknowledged]
    .filter(([name, state]) => name !== ledger.underWay && (present.get(name) ?? GONE) !== state)
    .map(([name, state]) => `${name}: ${present.get(name) ?? GONE} instead of ${state}`);
}
