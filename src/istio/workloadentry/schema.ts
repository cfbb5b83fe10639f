// networking.istio.io WorkloadEntry: the single source of the kind.
import { WORKLOAD_ENTRY } from '#kube/resources.ts';
import type { Kind } from '../kind.ts';
import { AGE, istioStatus, port, uint32 } from '../kind-parts.ts';
import { object } from '../schema/object-schema.ts';
import type { Rule } from '../schema/reading.ts';
import { map, string } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';

export const UNIX = 'unix://';

const address = string({
  lengthMax: 256,
  rules: [
    {
      cel: 'self.startsWith("unix://") ? (self.substring(7, 8) == "/" || self.substring(7, 8) == "@") : true',
      message: 'UDS must be an absolute path or abstract socket',
      holds: (self) => !self.startsWith(UNIX) || /^unix:\/\/[/@]/.test(self),
    },
    {
      cel: 'self.startsWith("unix://") ? !self.endsWith("/") : true',
      message: 'UDS may not be a dir',
      holds: (self) => !self.startsWith(UNIX) || !self.endsWith('/'),
    },
  ],
});

const ports = map(port(), {
  keysMax: 128,
  rules: [
    {
      cel: 'self.all(key, size(key) < 63 && key.matches("^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$"))',
      message: 'port name must be valid',
      holds: (self) =>
        Object.keys(self).every(
          (key) => key.length < 63 && /^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$/.test(key),
        ),
    },
  ],
});

const fields = {
  address,
  ports,
  labels: map(string(), { keysMax: 256 }),
  network: string({ lengthMax: 2048 }),
  locality: string({ lengthMax: 2048 }),
  weight: uint32(),
  serviceAccount: string({ lengthMax: 253 }),
};

type Addressed = { readonly address?: string; readonly network?: string; readonly ports?: unknown };

const HAS_ADDRESS: Rule<Addressed> = {
  cel: 'has(self.address) || has(self.network)',
  message: 'Address is required',
  holds: (self) => self.address !== undefined || self.network !== undefined,
};

const NO_SOCKET_PORTS: Rule<Addressed> = {
  cel: '(has(self.address) ? self.address : "").startsWith("unix://") ? !has(self.ports) : true',
  message: 'UDS may not include ports',
  holds: (self) => !(self.address ?? '').startsWith(UNIX) || self.ports === undefined,
};

/** Also the form of a ServiceEntry's own endpoints. */
export const workloadEntrySpec = object(fields, { rules: [HAS_ADDRESS, NO_SOCKET_PORTS] });

/** A WorkloadGroup's: each workload brings its own address. */
export const workloadTemplate = object(fields, { rules: [NO_SOCKET_PORTS] });

export type WorkloadEntrySpec = Static<typeof workloadEntrySpec>;

export const workloadEntryKind: Kind<WorkloadEntrySpec> = {
  type: WORKLOAD_ENTRY,
  singular: 'workloadentry',
  shortNames: ['we'],
  categories: ['istio-io', 'networking-istio-io'],
  versions: ['v1', 'v1alpha3', 'v1beta1'],
  columns: [AGE, { name: 'Address', type: 'string', jsonPath: '.spec.address' }],
  spec: workloadEntrySpec,
  isSpecRequired: true,
  status: istioStatus(),
};
