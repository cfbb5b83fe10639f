// security.istio.io PeerAuthentication: the single source of the kind.
import { PEER_AUTHENTICATION } from '#kube/resources.ts';
import type { Kind } from '../kind.ts';
import { AGE, isPort, istioStatus, workloadSelector } from '../kind-parts.ts';
import { object } from '../schema/object-schema.ts';
import { map, word } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';

const mutualTls = object({ mode: word(['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT']) });

const portLevelMtls = map(mutualTls, {
  keysMin: 1,
  rules: [
    {
      cel: 'self.all(key, 0 < int(key) && int(key) <= 65535)',
      message: 'port must be between 1-65535',
      holds: (self) =>
        Object.keys(self).every((key) => /^\d{1,10}$/.test(key) && isPort(Number(key))),
    },
  ],
});

export const peerAuthenticationSpec = object(
  { selector: workloadSelector(), mtls: mutualTls, portLevelMtls },
  {
    rules: [
      {
        cel: 'has(self.portLevelMtls) ? (((has(self.selector) && has(self.selector.matchLabels)) ? self.selector.matchLabels : {}).size() > 0) : true',
        message: 'portLevelMtls requires selector',
        holds: ({ portLevelMtls: ports, selector }) =>
          ports === undefined || Object.keys(selector?.matchLabels ?? {}).length > 0,
      },
    ],
  },
);

export type PeerAuthenticationSpec = Static<typeof peerAuthenticationSpec>;

export const peerAuthenticationKind: Kind<PeerAuthenticationSpec> = {
  type: PEER_AUTHENTICATION,
  singular: 'peerauthentication',
  shortNames: ['pa'],
  categories: ['istio-io', 'security-istio-io'],
  versions: ['v1', 'v1beta1'],
  columns: [{ name: 'Mode', type: 'string', jsonPath: '.spec.mtls.mode' }, AGE],
  spec: peerAuthenticationSpec,
  isSpecRequired: false,
  status: istioStatus(),
};
