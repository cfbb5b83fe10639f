import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TYPE } from './packet.ts';
import { decide, type Decision, type NameRecord, type ZoneConfig } from './zone.ts';

/** A pod of namespace `library`, beside no other DNS server that knows the cluster. */
const POD: ZoneConfig = {
  namespace: 'library',
  clusterDomain: 'cluster.local',
  search: ['library.svc.cluster.local', 'svc.cluster.local', 'cluster.local'],
  authoritative: ['cluster.local'],
};
/** The same beside CoreDNS, which answers for what the mesh does not know. */
const BESIDE_COREDNS: ZoneConfig = { ...POD, authoritative: [] };
/** A VM of a company with a search domain of its own. */
const VM: ZoneConfig = { ...POD, namespace: 'default', search: ['corp.example'] };

const DATABASE = 'postgresql-1-vm.default.svc.cluster.local';
const at = (...addresses: string[]): NameRecord => ({
  kind: 'addresses',
  ipv4: addresses.filter((address) => !address.includes(':')),
  ipv6: addresses.filter((address) => address.includes(':')),
});
const ABSENT: NameRecord = { kind: 'absent' };
const UNREACHABLE: NameRecord = { kind: 'unreachable' };

const MESH: Readonly<Record<string, NameRecord>> = {
  [DATABASE]: at('240.240.0.5'),
  'catalogue.library.svc.cluster.local': at('10.96.0.7', 'fd00::7'),
  'headless.library.svc.cluster.local': at('10.0.1.1', '10.0.1.2', '10.0.1.3'),
  'empty.library.svc.cluster.local': at(),
  'api.example.com': at('240.240.0.9'),
  '*.example.com': at('240.240.0.10'),
  '*.deep.example.com': at('240.240.0.11'),
  'gone.example.com': ABSENT,
};

const held = (name: string): NameRecord | undefined => MESH[name];
/** Asked for, every name that is not in the table above is absent. */
const asked = (name: string): NameRecord => held(name) ?? ABSENT;
const unreachable = (name: string): NameRecord => held(name) ?? UNREACHABLE;

type Row = {
  readonly says: string;
  readonly name: string;
  readonly config?: ZoneConfig;
  readonly type?: number;
  readonly class?: number;
  readonly known?: (name: string) => NameRecord | undefined;
  readonly decision: Decision;
};

const answer = (address: string, alias?: string): Decision => ({
  kind: 'addresses',
  alias,
  addresses: [address],
});
const is = (kind: 'no-data' | 'no-such-name' | 'unavailable' | 'forward'): Decision => ({ kind });
const ask = (...names: string[]): Decision => ({ kind: 'ask', names });

const ROWS: readonly Row[] = [
  { says: 'a full name', name: DATABASE, known: held, decision: answer('240.240.0.5') },
  { says: 'in any case', name: DATABASE.toUpperCase(), decision: answer('240.240.0.5') },
  { says: 'a short name of the own namespace', name: 'catalogue', decision: answer('10.96.0.7') },
  { says: 'no short name of another', name: 'postgresql-1-vm', decision: is('forward') },
  { says: 'name.namespace', name: 'postgresql-1-vm.default', decision: answer('240.240.0.5') },
  { says: 'name.namespace.svc', name: 'catalogue.library.svc', decision: answer('10.96.0.7') },
  {
    says: 'a full name that the resolver made longer, as a CNAME to the short of it',
    name: `${DATABASE}.library.svc.cluster.local`,
    decision: answer('240.240.0.5', DATABASE),
  },
  {
    says: 'an outside host that the resolver made longer',
    name: 'api.example.com.library.svc.cluster.local',
    decision: answer('240.240.0.9', 'api.example.com'),
  },
  {
    says: 'only the first search domain is taken off',
    name: 'api.example.com.svc.cluster.local',
    decision: is('no-such-name'),
  },
  {
    says: 'a cluster name with the company’s search domain behind it',
    name: `${DATABASE}.corp.example`,
    config: VM,
    decision: answer('240.240.0.5', DATABASE),
  },
  {
    says: 'a company’s host is never taken for a service',
    name: 'catalogue.library.corp.example',
    config: VM,
    decision: is('forward'),
  },
  {
    says: 'of the other family',
    name: 'catalogue',
    type: TYPE.AAAA,
    decision: answer('fd00::7'),
  },
  {
    says: 'a family that the service lacks is no data, not no name',
    name: DATABASE,
    type: TYPE.AAAA,
    decision: is('no-data'),
  },
  {
    says: 'every endpoint of a headless service',
    name: 'headless',
    decision: {
      kind: 'addresses',
      alias: undefined,
      addresses: ['10.0.1.1', '10.0.1.2', '10.0.1.3'],
    },
  },
  { says: 'a service without an address yet', name: 'empty', decision: is('no-data') },
  { says: 'a wildcard host', name: 'a.example.com', decision: answer('240.240.0.10') },
  { says: 'the longest wildcard', name: 'a.deep.example.com', decision: answer('240.240.0.11') },
  {
    says: 'the exact host before the wildcard',
    name: 'api.example.com',
    decision: answer('240.240.0.9'),
  },
  {
    says: 'two levels below a wildcard',
    name: 'a.b.example.com',
    decision: answer('240.240.0.10'),
  },
  { says: 'a wildcard is not its own domain', name: 'example.com', decision: is('forward') },
  {
    says: 'a name never asked about is asked about in all its forms',
    name: 'github.com',
    known: held,
    decision: ask('github.com', 'github.com.svc.cluster.local'),
  },
  {
    says: 'with a search domain, both readings of it',
    name: 'github.com.library.svc.cluster.local',
    known: held,
    decision: ask(
      'github.com.library.svc.cluster.local',
      'github.com',
      'github.com.svc.cluster.local',
    ),
  },
  {
    says: 'a more exact form is asked about before a known one answers',
    name: 'catalogue',
    known: held,
    decision: ask('catalogue'),
  },
  { says: 'an unknown outside name', name: 'github.com', decision: is('forward') },
  {
    says: 'an unknown cluster name',
    name: 'nowhere.library.svc.cluster.local',
    decision: is('no-such-name'),
  },
  {
    says: 'an unknown cluster name beside CoreDNS',
    name: 'nowhere.library.svc.cluster.local',
    config: BESIDE_COREDNS,
    decision: is('forward'),
  },
  {
    says: 'control plane away: an outside name still resolves',
    name: 'github.com',
    known: unreachable,
    decision: is('forward'),
  },
  {
    says: 'control plane away: what is held still answers',
    name: DATABASE,
    known: unreachable,
    decision: answer('240.240.0.5'),
  },
  {
    says: 'control plane away: a held wildcard still answers',
    name: 'new.example.com',
    known: unreachable,
    decision: answer('240.240.0.10'),
  },
  {
    says: 'control plane away: of a cluster name never met, nothing can be said',
    name: 'new.library.svc.cluster.local',
    known: unreachable,
    decision: is('unavailable'),
  },
  {
    says: 'HTTPS hints do not lead around the mesh',
    name: 'api.example.com',
    type: TYPE.HTTPS,
    decision: is('no-data'),
  },
  {
    says: 'HTTPS hints of others do',
    name: 'github.com',
    type: TYPE.HTTPS,
    decision: is('forward'),
  },
  {
    says: 'mail to an outside host of the mesh',
    name: 'api.example.com',
    type: TYPE.MX,
    known: held,
    decision: is('forward'),
  },
  { says: 'text of a service', name: DATABASE, type: TYPE.TXT, decision: is('no-data') },
  {
    says: 'text of no service',
    name: 'x.y.svc.cluster.local',
    type: TYPE.TXT,
    decision: is('no-such-name'),
  },
  { says: 'the cluster’s domain', name: 'cluster.local', decision: is('no-data') },
  { says: 'the level of services', name: 'svc.cluster.local', decision: is('no-data') },
  { says: 'a namespace', name: 'library.svc.cluster.local', decision: is('no-data') },
  { says: 'beside, not below, the domain', name: 'mycluster.local', decision: is('forward') },
  {
    says: 'reverse look-ups',
    name: '5.0.240.240.in-addr.arpa',
    type: TYPE.PTR,
    known: held,
    decision: is('forward'),
  },
  {
    says: 'addresses of reverse names',
    name: '5.0.240.240.in-addr.arpa',
    known: held,
    decision: is('forward'),
  },
  { says: 'localhost', name: 'localhost', known: held, decision: is('forward') },
  { says: 'the root', name: '', known: held, decision: is('forward') },
  {
    says: 'a name with other bytes than a host has',
    name: 'a\\032b',
    known: held,
    decision: is('forward'),
  },
  { says: 'another class', name: DATABASE, class: 3, known: held, decision: is('forward') },
  { says: 'any class', name: DATABASE, class: 255, decision: answer('240.240.0.5') },
  {
    says: 'any type',
    name: 'catalogue',
    type: TYPE.ANY,
    decision: { kind: 'addresses', alias: undefined, addresses: ['10.96.0.7', 'fd00::7'] },
  },
];

for (const row of ROWS) {
  test(`${row.decision.kind}: ${row.says}`, () => {
    const { name, type = TYPE.A, config = POD, known = asked } = row;
    const question = { name, type, class: row.class ?? 1 };
    assert.deepEqual(decide(question, config, known), row.decision);
  });
}
