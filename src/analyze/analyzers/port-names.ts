// Ports of Services that do not say what they speak.
import { kubeProtocol } from '#istio/core/protocol.ts';
import { numberAt, objectsAt, textAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { isControlPlane } from '../in-mesh.ts';
import { message, messageType } from '../message.ts';
import { at, SERVICE } from '../resource.ts';
import { labelsOf, specOf } from '../selectors.ts';

const portName = messageType({
  code: 'IST0118',
  name: 'PortNameIsNotUnderNamingConvention',
  level: 'Info',
  says: (name: string, port: number, targetPort: string) =>
    `Port name ${name} (port: ${port}, targetPort: ${targetPort}) doesn't follow the naming ` +
    'convention of Istio port.',
});

const externalNamePort = messageType({
  code: 'IST0150',
  name: 'ExternalNameServiceTypeInvalidPortName',
  level: 'Warning',
  says: () =>
    'Port name for ExternalName service is invalid. Proxy may prevent tcp named ports and ' +
    'unmatched traffic for ports serving TCP protocol from being forwarded correctly',
});

const MANAGED = 'gateway.istio.io/managed';
/** Gateways whose Services Istio makes itself. */
const CONTROLLERS = new Set([
  'istio.io-gateway-controller',
  'istio.io-mesh-controller',
  'istio.io-eastwest-controller',
]);

export const portNames: Analyzer = {
  name: 'service.PortNameAnalyzer',
  description: 'Checks the port names associated with each service',
  finds: [portName, externalNamePort],
  *run(snapshot) {
    for (const service of snapshot.of(SERVICE)) {
      if (isControlPlane(service) || CONTROLLERS.has(labelsOf(service)[MANAGED] ?? '')) continue;
      const isExternal = specOf(service)['type'] === 'ExternalName';
      for (const [index, port] of objectsAt(specOf(service), 'ports').entries()) {
        const name = textAt(port, 'name');
        const place = at(service, 'spec', 'ports', index, 'port');
        const isUnclear = !saysProtocol(port);
        if (isExternal && (isUnclear || name === 'tcp')) yield message(externalNamePort, place);
        else if (isUnclear) {
          const target = textAt(port, 'targetPort') || String(numberAt(port, 'targetPort') ?? 0);
          yield message(portName, place, name, numberAt(port, 'port') ?? 0, target);
        }
      }
    }
  },
};

function saysProtocol(port: Fields): boolean {
  const protocol = kubeProtocol({
    number: numberAt(port, 'port') ?? 0,
    name: textAt(port, 'name'),
    appProtocol: textAt(port, 'appProtocol'),
    transport: textAt(port, 'protocol') || 'TCP',
  });
  return protocol !== 'auto';
}
