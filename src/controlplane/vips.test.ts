// Who has which automatic address, after any history of ServiceEntries.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isAutomaticAddress } from '#istio/serviceentry/automatic-address.ts';
import { ownerOf, planVips, VIPS_MAX, type VipEntry } from './vips.ts';

const entry = (fields: Partial<VipEntry> = {}): VipEntry => ({
  namespace: 'default',
  name: 'e',
  createdAtMs: 0,
  hosts: ['api.example.com'],
  written: [],
  published: [],
  ...fields,
});

/** The entry as it is once the plan's writes are made. */
function written(entries: readonly VipEntry[], resting?: ReadonlyMap<string, string>): VipEntry[] {
  const { writes } = planVips(entries, resting === undefined ? {} : { resting });
  const byEntry = new Map(writes.map(({ entry, addresses }) => [entry, addresses]));
  return entries.map((one) => ({ ...one, published: byEntry.get(one) ?? one.published }));
}

const addressOf = (one: VipEntry | undefined): string => one?.published[0]?.address ?? 'none';

test('each host has an address of its own, wildcards have none', () => {
  const [after] = written([entry({ hosts: ['a.b', '*.b', 'c.b', 'a.b'] })]);
  assert.deepEqual(
    after?.published.map(({ host }) => host),
    ['a.b', 'c.b'],
  );
  const addresses = after.published.map(({ address }) => address);
  assert.equal(new Set(addresses).size, 2);
  assert(addresses.every(isAutomaticAddress));
});

test('the same host has the same address again, in any control plane', () => {
  const [first] = written([entry()]);
  const [again] = written([entry({ name: 'other', createdAtMs: 5 })]);
  assert.equal(addressOf(again), addressOf(first));
  assert.notEqual(addressOf(written([entry({ namespace: 'other' })])[0]), addressOf(first));
});

test('an address that a user wrote goes to that user, also one within a range', () => {
  const [before] = written([entry()]);
  const vip = addressOf(before);
  for (const text of [vip, `${vip}/28`]) {
    const user = entry({ name: 'user', createdAtMs: 9, hosts: [], written: [text] });
    const [after] = written([before ?? entry(), user]);
    assert.notEqual(addressOf(after), vip);
    assert(isAutomaticAddress(addressOf(after)));
  }
});

test('should two have one address, the older keeps it', () => {
  const published = [{ address: '240.240.9.9', host: 'api.example.com' }];
  const young = entry({ name: 'a', createdAtMs: 2, published });
  const old = entry({ name: 'b', createdAtMs: 1, published });
  const { writes } = planVips([young, old]);
  assert.deepEqual(
    writes.map((write) => write.entry),
    [young],
  );
});

test('an address that rests is its former host’s, and nobody else’s while there are others', () => {
  const vip = addressOf(written([entry()])[0]);
  const owner = ownerOf(entry(), 'api.example.com');
  assert.equal(addressOf(written([entry()], new Map([[vip, owner]]))[0]), vip);
  assert.notEqual(addressOf(written([entry()], new Map([[vip, 'default/other']]))[0]), vip);
});

test('addresses of other makes stay, those of an entry that wants none go', () => {
  const foreign = { address: '2001:2::1', host: 'api.example.com' };
  const own = { address: '240.240.9.9', host: 'api.example.com' };
  const [wants, wantsNone] = written([
    entry({ published: [foreign] }),
    entry({ name: 'f', hosts: [], published: [own, foreign] }),
  ]);
  assert.equal(wants?.published.length, 2);
  assert.deepEqual(wantsNone?.published, [foreign]);
});

test('the last address is given, and who gets none is named', () => {
  const hosts = Array.from({ length: VIPS_MAX + 2 }, (_, index) => `h${index}.example`);
  const { writes, exhausted } = planVips([entry({ hosts })]);
  const given = new Set(writes[0]?.addresses.map(({ address }) => address));
  assert.equal(given.size, VIPS_MAX);
  for (const never of ['240.240.0.0', '240.240.0.1', '240.240.255.255']) {
    assert(!given.has(never), never);
  }
  assert.equal(exhausted.length, 2);
});

const NAMES = ['a', 'b', 'c', 'd'];
const HOSTS = ['x.example', 'y.example', 'z.example', '*.w.example'];
const FEW = ['240.240.7.7', '240.240.7.8', '2001:2::5'];

const step = fc.record({
  name: fc.constantFrom(...NAMES),
  change: fc.oneof(
    fc.constant(undefined), // deleted
    fc.record({
      createdAtMs: fc.nat(3),
      hosts: fc.subarray(HOSTS),
      written: fc.constantFrom([], [], [], ['240.240.7.7'], ['240.240.0.0/17']),
      // what another controller, or another replica, has written
      published: fc.option(
        fc.array(fc.record({ address: fc.constantFrom(...FEW), host: fc.constantFrom(...HOSTS) }), {
          maxLength: 2,
        }),
      ),
    }),
  ),
});

test('after any history: one address for each host, none twice, none without need moved', () => {
  const holds = fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
    let entries: VipEntry[] = [];
    for (const { name, change } of steps) {
      const before = new Map(entries.map((one) => [one.name, one]));
      const rest = entries.filter((one) => one.name !== name);
      const published = change?.published ?? before.get(name)?.published ?? [];
      const changed = change ? [entry({ ...change, name, published })] : [];
      const given = [...rest, ...changed];
      entries = written(given);
      checkAddresses(entries);
      checkStable(given, entries);
      assert.deepEqual(planVips(entries).writes, [], 'nothing is left to write');
    }
  });
  fc.assert(holds, { numRuns: 300 });
});

function checkAddresses(entries: readonly VipEntry[]): void {
  const taken = new Set<string>();
  const isWide = entries.some(({ written }) => written.includes('240.240.0.0/17'));
  for (const { hosts, published } of entries) {
    const own = published.filter(({ address }) => isIpv4(address));
    const wanted = hosts.filter((host) => !host.startsWith('*'));
    assert.deepEqual(
      own.map(({ host }) => host),
      wanted,
    );
    for (const { address } of own) {
      assert(!taken.has(address), `${address} twice`);
      taken.add(address);
      assert(!entries.some((one) => one.written.includes(address)), `${address} is a user's`);
      if (isWide) assert(Number(address.split('.')[2]) >= 128, `${address} is in a user's range`);
    }
  }
}

const isIpv4 = (address: string): boolean => address.startsWith('240.240.');

/** Only who shared an address, or had one of a user's, has another than before. */
function checkStable(before: readonly VipEntry[], after: readonly VipEntry[]): void {
  const all = before.flatMap(({ published }) => published.map(({ address }) => address));
  const isUsers = (address: string): boolean =>
    before.some(({ written }) => written.includes(address) || written.includes('240.240.0.0/17'));
  for (const [index, { hosts, published }] of before.entries()) {
    for (const host of hosts) {
      const had = published.find((it) => it.host === host && isIpv4(it.address));
      if (!had || host.startsWith('*') || isUsers(had.address)) continue;
      if (all.filter((address) => address === had.address).length > 1) continue;
      const has = after[index]?.published.find((it) => it.host === host);
      assert.equal(has?.address, had.address);
    }
  }
}

test('rule 8: in a mesh of both families a host has an address of each', () => {
  const dual = (one: VipEntry) => planVips([one], { isDualStack: true }).writes[0]?.addresses ?? [];
  const [first, second, ...rest] = dual(entry());
  assert.equal(rest.length, 0);
  assert.match(first?.address ?? '', /^240\.240\./);
  assert.match(second?.address ?? '', /^2001:2:0:f0f0::/);
  assert(isAutomaticAddress(second?.address ?? ''));
  assert.equal(second?.host, first?.host);
  const published = [first, second].flatMap((it) => it ?? []);
  assert.deepEqual(dual(entry({ published })), [], 'nothing is left to write');
  const single = planVips([entry({ published })]).writes;
  assert.deepEqual(single[0]?.addresses, [first], 'and one of IPv4 when IPv6 has gone');
  const taken = entry({ published, written: ['2001:2::/48'] });
  assert.deepEqual(dual(taken), [first], 'users come first');
});
