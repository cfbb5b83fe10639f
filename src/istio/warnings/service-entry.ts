// Advice about ServiceEntries and WorkloadEntries.
import { protocolOf } from '../core/protocol.ts';
import { isPartialWildcard } from '../syntax.ts';
import { AUTO_ALLOCATE_LABEL } from '../serviceentry/automatic-address.ts';
import { fieldsOf, objectsAt, textAt, textMapOf, textsAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { advice } from './warning.ts';
import type { Warning } from './warning.ts';

export function serviceEntryWarnings(spec: Fields, { metadata }: KubeObject): readonly Warning[] {
  const resolution = textAt(spec, 'resolution') || 'NONE';
  const isAllocated =
    resolution !== 'NONE' &&
    textMapOf(metadata.labels)[AUTO_ALLOCATE_LABEL]?.toLowerCase() !== 'false';
  return [
    ...selectorWarnings(spec, resolution),
    ...(resolution === 'DYNAMIC_DNS' ? [] : partialWildcards(textsAt(spec, 'hosts'))),
    ...(isAllocated ? [] : missingAddresses(spec)),
    ...(resolution.startsWith('DNS') ? sharedAddresses(spec) : []),
  ];
}

function selectorWarnings(spec: Fields, resolution: string): readonly Warning[] {
  if (spec['workloadSelector'] === undefined) return [];
  const field = 'spec.workloadSelector';
  const labels = fieldsOf(spec, 'workloadSelector')['labels'];
  const isEmpty = Object.keys(fieldsOf(labels)).length === 0;
  const empty = 'workload selector specified without labels, will be applied to all services in';
  const unused = 'workloadSelector should not be set when resolution mode is NONE';
  return [
    ...(isEmpty ? [advice(`${field}.labels`, `${empty} namespace`)] : []),
    ...(resolution === 'NONE' ? [advice(field, unused)] : []),
  ];
}

/** `*-eu.example.com` reads as if it meant something. */
function partialWildcards(hosts: readonly string[]): readonly Warning[] {
  return hosts.flatMap((host, index) => {
    const message = `partial wildcard ${JSON.stringify(host)} not allowed`;
    return isPartialWildcard(host) ? [advice(`spec.hosts[${index}]`, message)] : [];
  });
}

function missingAddresses(spec: Fields): readonly Warning[] {
  if (textsAt(spec, 'addresses').length > 0) return [];
  return objectsAt(spec, 'ports').flatMap((port, index) => {
    const protocol = textAt(port, 'protocol');
    if (protocol !== '' && protocol !== 'TCP') return [];
    const when = 'when IP Autoallocation is not enabled';
    const message = 'addresses are required for ports serving TCP (or unset) protocol';
    return [advice(`spec.ports[${index}].protocol`, `${message} ${when}`)];
  });
}

/** One address for several hosts, and a protocol that does not say which one is meant. */
function sharedAddresses(spec: Fields): readonly Warning[] {
  const hasAddress = textsAt(spec, 'addresses').length > 0;
  const isTcp = objectsAt(spec, 'ports').some((it) => isPlainTcp(textAt(it, 'protocol')));
  if (!hasAddress || !isTcp || textsAt(spec, 'hosts').length < 2) return [];
  const message = 'service entry can not have more than one host specified simultaneously with';
  return [advice('spec.hosts', `${message} address and tcp port`)];
}

function isPlainTcp(name: string): boolean {
  const protocol = protocolOf(name) ?? '';
  return ['tcp', 'https', 'tls', 'mongo', 'redis', 'mysql'].includes(protocol);
}

export function workloadEntryWarnings(spec: Fields): readonly Warning[] {
  const network = textAt(spec, 'network');
  if (textAt(spec, 'address') !== '' || network === '') return [];
  return [advice('spec.address', `address is unset with network ${JSON.stringify(network)}`)];
}
