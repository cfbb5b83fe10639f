// GRPCRoute, TCPRoute and TLSRoute: which traffic goes where, by the Gateway API.
import { object } from '../schema/object-schema.ts';
import { anything, integer, list, string, word } from '../schema/schema.ts';
import {
  backendFields,
  backendRefs,
  gatewayApiKind,
  hostname,
  localRef,
  parentRefs,
  sectionName,
  SERVICE_HAS_PORT,
  weight,
} from './parts.ts';

const commonFields = () => ({
  parentRefs: parentRefs(),
  useDefaultGateways: word(['All', 'None']),
});

export const tcpRouteKind = gatewayApiKind({
  kind: 'TCPRoute',
  plural: 'tcproutes',
  versions: ['v1', 'v1alpha2'],
  spec: object(
    {
      ...commonFields(),
      rules: list(
        object(
          { name: sectionName(), backendRefs: backendRefs({ itemsMin: 1 }) },
          { required: ['backendRefs'] },
        ),
        { itemsMin: 1, itemsMax: 16 },
      ),
    },
    { required: ['rules'] },
  ),
});

/** SNI has names, not addresses. */
const isNoAddress = (host: string): boolean => !/^\d+(\.\d+){3}$/.test(host);

export const tlsRouteKind = gatewayApiKind({
  kind: 'TLSRoute',
  plural: 'tlsroutes',
  versions: ['v1', 'v1alpha2', 'v1alpha3'],
  spec: object(
    {
      ...commonFields(),
      hostnames: list(hostname(), {
        itemsMin: 1,
        itemsMax: 16,
        rules: [
          {
            cel: "self.all(h, !h.matches('^[0-9]+([.][0-9]+){3}$'))",
            message: 'Hostnames cannot contain an IP',
            holds: (self) => self.every(isNoAddress),
          },
        ],
      }),
      rules: list(
        object(
          { name: sectionName(), backendRefs: backendRefs({ itemsMin: 1 }) },
          { required: ['backendRefs'] },
        ),
        { itemsMin: 1, itemsMax: 1 },
      ),
    },
    { required: ['hostnames', 'rules'] },
  ),
});

/** RFC 9110 §5.1, in the Gateway API's words. */
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$/;

const headerName = () => string({ lengthMin: 1, lengthMax: 256, pattern: HEADER_NAME });

const header = object(
  { name: headerName(), value: string({ lengthMin: 1, lengthMax: 4096 }) },
  { required: ['name', 'value'] },
);

const headers = () => list(header, { itemsMax: 16, keyField: 'name' });

const headerModifier = () =>
  object({ set: headers(), add: headers(), remove: list(string(), { itemsMax: 16 }) });

const filter = object(
  {
    type: word([
      'ResponseHeaderModifier',
      'RequestHeaderModifier',
      'RequestMirror',
      'ExtensionRef',
    ]),
    requestHeaderModifier: headerModifier(),
    responseHeaderModifier: headerModifier(),
    requestMirror: object(
      {
        backendRef: object(backendFields(), { required: ['name'], rules: [SERVICE_HAS_PORT] }),
        percent: integer({ min: 0, max: 100 }),
        fraction: object(
          { numerator: integer({ min: 0 }), denominator: integer({ min: 1 }) },
          { required: ['numerator'] },
        ),
      },
      { required: ['backendRef'] },
    ),
    extensionRef: localRef(),
  },
  { required: ['type'] },
);

const headerMatch = object(
  {
    type: word(['Exact', 'RegularExpression']),
    name: headerName(),
    value: string({ lengthMin: 1, lengthMax: 4096 }),
  },
  { required: ['name', 'value'] },
);

const methodMatch = object(
  {
    type: word(['Exact', 'RegularExpression']),
    service: string({ lengthMax: 1024 }),
    method: string({ lengthMax: 1024 }),
  },
  {
    rules: [
      {
        cel: 'has(self.type) ? has(self.service) || has(self.method) : true',
        message: "One or both of 'service' or 'method' must be specified",
        holds: ({ type, service, method }) =>
          type === undefined || (service ?? method) !== undefined,
      },
    ],
  },
);

export const grpcRouteKind = gatewayApiKind({
  kind: 'GRPCRoute',
  plural: 'grpcroutes',
  versions: ['v1'],
  spec: object({
    ...commonFields(),
    hostnames: list(hostname(), { itemsMax: 16 }),
    rules: list(
      object({
        name: sectionName(),
        matches: list(
          object({
            method: methodMatch,
            headers: list(headerMatch, { itemsMax: 16, keyField: 'name' }),
          }),
          { itemsMax: 64 },
        ),
        filters: list(filter, { itemsMax: 16 }),
        backendRefs: list(
          object(
            { ...backendFields(), weight: weight(), filters: list(filter, { itemsMax: 16 }) },
            { required: ['name'], rules: [SERVICE_HAS_PORT] },
          ),
          { itemsMax: 16 },
        ),
        sessionPersistence: anything(),
      }),
      { itemsMax: 16 },
    ),
  }),
});
