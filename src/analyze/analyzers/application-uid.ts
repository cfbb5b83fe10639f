// What runs under the proxy's user is not captured: 1337 is how the rules tell the proxy's packets.
import { fieldsOf, objectsAt, textAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { isControlPlane, PROXY_CONTAINER } from '../in-mesh.ts';
import { message, messageType } from '../message.ts';
import { DEPLOYMENT, POD } from '../resource.ts';
import { specOf } from '../selectors.ts';

const proxyUserId = messageType({
  code: 'IST0144',
  name: 'InvalidApplicationUID',
  level: 'Warning',
  says: () => 'User ID (UID) 1337 is reserved for the sidecar proxy.',
});

const PROXY_UID = 1337;
/** Containers that may well run as the proxy. */
const EXEMPT = new Set([PROXY_CONTAINER, 'istio-operator']);

export const applicationUid: Analyzer = {
  name: 'applicationUID.Analyzer',
  description: 'Checks invalid application UID',
  finds: [proxyUserId],
  *run(snapshot) {
    for (const pod of snapshot.of(POD)) {
      if (!isControlPlane(pod) && usesProxyUid(specOf(pod))) yield message(proxyUserId, pod);
    }
    for (const deployment of snapshot.of(DEPLOYMENT)) {
      const spec = fieldsOf(specOf(deployment), 'template', 'spec');
      if (!isControlPlane(deployment) && usesProxyUid(spec)) yield message(proxyUserId, deployment);
    }
  },
};

function usesProxyUid(spec: Fields): boolean {
  const own = objectsAt(spec, 'containers').filter((it) => !EXEMPT.has(textAt(it, 'name')));
  return [spec, ...own].some((it) => fieldsOf(it['securityContext'])['runAsUser'] === PROXY_UID);
}
