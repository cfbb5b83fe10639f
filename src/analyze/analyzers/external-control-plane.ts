// Webhooks that go to a control plane elsewhere: is it named by something that will stay?
import { canonicalIp } from '#base/ip.ts';
import { fieldsOf, objectsAt, textAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { message, messageType } from '../message.ts';
import type { Message } from '../message.ts';
import { MUTATING_WEBHOOK, VALIDATING_WEBHOOK } from '../resource.ts';
import type { Resource } from '../resource.ts';

const externalControlPlane = messageType({
  code: 'IST0163',
  name: 'InvalidExternalControlPlaneConfig',
  level: 'Warning',
  says: (address: string, webhook: string, problem: string) =>
    `The hostname (${address}) that was provided for the webhook (${webhook}) to reach the ` +
    `ingress gateway on the external control plane cluster ${problem}. Traffic may not flow ` +
    'properly.',
});

const externalControlPlaneByAddress = messageType({
  code: 'IST0164',
  name: 'ExternalControlPlaneAddressIsNotAHostname',
  level: 'Info',
  says: (address: string, webhook: string) =>
    `The address (${address}) that was provided for the webhook (${webhook}) to reach the ` +
    'ingress gateway on the external control plane cluster is an IP address. This is not ' +
    'recommended for a production environment.',
});

export const externalControlPlanes: Analyzer = {
  name: 'externalcontrolplane.ExternalControlPlaneAnalyzer',
  description: 'Checks that the remote IstioOperator resources reference an external control plane',
  finds: [externalControlPlane, externalControlPlaneByAddress],
  *run(snapshot) {
    for (const configuration of snapshot.of(VALIDATING_WEBHOOK)) {
      const { name } = configuration;
      const isOurs = name === 'istiod-default-validator' || name.startsWith('istio-validator');
      if (isOurs) yield* problemsOf(configuration);
    }
    for (const configuration of snapshot.of(MUTATING_WEBHOOK)) {
      if (configuration.name.startsWith('istio-sidecar-injector')) yield* problemsOf(configuration);
    }
  },
};

function* problemsOf(configuration: Resource): Iterable<Message> {
  for (const webhook of objectsAt(configuration.object, 'webhooks')) {
    const problem = problemOf(configuration, webhook);
    if (problem !== undefined) yield problem;
  }
}

function problemOf(configuration: Resource, webhook: Fields): Message | undefined {
  const { url, service } = fieldsOf(webhook['clientConfig']);
  const name = textAt(webhook, 'name');
  if (typeof url !== 'string') {
    if (service !== undefined) return undefined;
    return message(externalControlPlane, configuration, '', name, 'is blank');
  }
  const host = hostOf(url);
  if (host === undefined) {
    const problem = 'was provided in an invalid format';
    return message(externalControlPlane, configuration, url, name, problem);
  }
  if (canonicalIp(host) === undefined) return undefined;
  return message(externalControlPlaneByAddress, configuration, url, name);
}

function hostOf(url: string): string | undefined {
  // a URL without an authority is one, too: it has no host
  return URL.parse(url)?.hostname.replace(/^\[(.*)\]$/, '$1');
}
