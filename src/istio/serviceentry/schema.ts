// networking.istio.io ServiceEntry: the single source of the kind.
import { SERVICE_ENTRY } from '#kube/resources.ts';
import type { Kind } from '../kind.ts';
import { AGE, istioStatus, labelsSelector, port, strings } from '../kind-parts.ts';
import { object } from '../schema/object-schema.ts';
import { list, string, word } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';
import { workloadEntrySpec } from '../workloadentry/schema.ts';

const hosts = list(
  string({
    rules: [
      {
        cel: 'self != "*"',
        message: 'hostname cannot be wildcard',
        holds: (self) => self !== '*',
      },
    ],
  }),
  { itemsMin: 1, itemsMax: 256 },
);

const servicePort = object(
  {
    number: port(),
    protocol: string({ lengthMax: 256 }),
    name: string({ lengthMax: 256 }),
    targetPort: port(),
  },
  { required: ['number', 'name'] },
);

const ports = list(servicePort, {
  itemsMax: 256,
  keyField: 'name',
  rules: [
    {
      cel: 'self.all(l1, self.exists_one(l2, l1.number == l2.number))',
      message: 'port number cannot be duplicated',
      holds: (self) => new Set(self.map(({ number }) => number)).size === self.length,
    },
  ],
});

export const serviceEntrySpec = object(
  {
    hosts,
    addresses: list(string({ lengthMax: 64 }), { itemsMax: 256 }),
    ports,
    location: word(['MESH_EXTERNAL', 'MESH_INTERNAL']),
    resolution: word(['NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS']),
    endpoints: list(workloadEntrySpec, { itemsMax: 4096 }),
    workloadSelector: labelsSelector(),
    exportTo: strings(),
    subjectAltNames: strings(),
  },
  {
    required: ['hosts'],
    rules: [
      {
        cel: '(has(self.workloadSelector) ? 1 : 0) + (has(self.endpoints) ? 1 : 0) <= 1',
        message: 'only one of WorkloadSelector or Endpoints can be set',
        holds: (self) => self.workloadSelector === undefined || self.endpoints === undefined,
      },
      {
        cel: '!((has(self.addresses) ? self.addresses : []).exists(k, k.contains("/")) && !((has(self.resolution) ? self.resolution : "NONE") in ["STATIC", "NONE"]))',
        message: 'CIDR addresses are allowed only for NONE/STATIC resolution types',
        holds: ({ addresses = [], resolution = 'NONE' }) =>
          !addresses.some((address) => address.includes('/')) ||
          resolution === 'STATIC' ||
          resolution === 'NONE',
      },
      {
        cel: '((has(self.resolution) ? self.resolution : "NONE") == "NONE") ? !has(self.endpoints) : true',
        message: 'NONE mode cannot set endpoints',
        holds: ({ resolution = 'NONE', endpoints }) =>
          resolution !== 'NONE' || endpoints === undefined,
      },
      {
        cel: '((has(self.resolution) ? self.resolution : "") == "DNS_ROUND_ROBIN") ? ((has(self.endpoints) ? self.endpoints : []).size() <= 1) : true',
        message: 'DNS_ROUND_ROBIN mode cannot have multiple endpoints',
        holds: ({ resolution, endpoints = [] }) =>
          resolution !== 'DNS_ROUND_ROBIN' || endpoints.length <= 1,
      },
    ],
  },
);

export type ServiceEntrySpec = Static<typeof serviceEntrySpec>;

export const serviceEntryKind: Kind<ServiceEntrySpec> = {
  type: SERVICE_ENTRY,
  singular: 'serviceentry',
  shortNames: ['se'],
  categories: ['istio-io', 'networking-istio-io'],
  versions: ['v1', 'v1alpha3', 'v1beta1'],
  columns: [
    { name: 'Hosts', type: 'string', jsonPath: '.spec.hosts' },
    { name: 'Location', type: 'string', jsonPath: '.spec.location' },
    { name: 'Resolution', type: 'string', jsonPath: '.spec.resolution' },
    AGE,
  ],
  spec: serviceEntrySpec,
  isSpecRequired: true,
  status: istioStatus(),
};
