// Gateway, ListenerSet and GatewayClass: where traffic enters, by the Gateway API.
import { object } from '../schema/object-schema.ts';
import { list, map, string, word } from '../schema/schema.ts';
import {
  gatewayApiKind,
  group,
  hostname,
  kindName,
  localRef,
  namespaceName,
  namespaces,
  objectName,
  objectRef,
  portNumber,
  secretRef,
  sectionName,
  SUBDOMAIN,
} from './parts.ts';

const listenerTls = object(
  {
    mode: word(['Terminate', 'Passthrough']),
    certificateRefs: list(secretRef(), { itemsMax: 64 }),
    options: map(string({ lengthMax: 4096 }), { keysMax: 16 }),
  },
  {
    rules: [
      {
        cel:
          "(has(self.mode) ? self.mode : 'Terminate') == 'Terminate' ? " +
          '(has(self.certificateRefs) && size(self.certificateRefs) > 0) || ' +
          '(has(self.options) && size(self.options) > 0) : true',
        message: 'certificateRefs or options must be specified when mode is Terminate',
        holds: ({ mode = 'Terminate', certificateRefs = [], options = {} }) =>
          mode !== 'Terminate' || certificateRefs.length + Object.keys(options).length > 0,
      },
    ],
  },
);

/** Protocols by name, or of a vendor: `example.com/bar`. */
const PROTOCOL = new RegExp(`^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|${SUBDOMAIN}/[A-Za-z0-9]+$`);

const listener = object(
  {
    name: sectionName(),
    hostname: hostname(),
    port: portNumber(),
    protocol: string({ lengthMin: 1, lengthMax: 255, pattern: PROTOCOL }),
    tls: listenerTls,
    allowedRoutes: object({
      namespaces: namespaces(['All', 'Selector', 'Same']),
      kinds: list(object({ group: group(), kind: kindName() }, { required: ['kind'] }), {
        itemsMax: 8,
      }),
    }),
  },
  { required: ['name', 'port', 'protocol'] },
);

type Listener = {
  readonly protocol: string;
  readonly hostname?: string | undefined;
  readonly tls?: { readonly mode?: string | undefined } | undefined;
};

const WITHOUT_TLS = new Set(['HTTP', 'TCP', 'UDP']);
const WITHOUT_HOST = new Set(['TCP', 'UDP']);

const listeners = (limits: { readonly itemsMin: number }) =>
  list(listener, {
    itemsMax: 64,
    keyField: 'name',
    ...limits,
    rules: [
      {
        cel: "self.all(l, l.protocol in ['HTTP', 'TCP', 'UDP'] ? !has(l.tls) : true)",
        message: "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']",
        holds: (self: readonly Listener[]) =>
          self.every(({ protocol, tls }) => !WITHOUT_TLS.has(protocol) || tls === undefined),
      },
      {
        cel: "self.all(l, (l.protocol == 'HTTPS' && has(l.tls) && has(l.tls.mode)) ? l.tls.mode == 'Terminate' : true)",
        message: 'tls mode must be Terminate for protocol HTTPS',
        holds: (self) =>
          self.every(({ protocol, tls }) => protocol !== 'HTTPS' || tls?.mode !== 'Passthrough'),
      },
      {
        cel: "self.all(l, l.protocol in ['TCP', 'UDP'] ? (!has(l.hostname) || l.hostname == '') : true)",
        message: "hostname must not be specified for protocols ['TCP', 'UDP']",
        holds: (self) =>
          self.every((it) => !WITHOUT_HOST.has(it.protocol) || it.hostname === undefined),
      },
      {
        cel: 'self.all(l1, self.exists_one(l2, l1.port == l2.port && l1.protocol == l2.protocol && (has(l1.hostname) && has(l2.hostname) ? l1.hostname == l2.hostname : !has(l1.hostname) && !has(l2.hostname))))',
        message: 'Combination of port, protocol and hostname must be unique for each listener',
        holds: (self) =>
          new Set(self.map((it) => `${it.port} ${it.protocol} ${it.hostname ?? ''}`)).size ===
          self.length,
      },
    ],
  });

const frontendValidation = object({
  validation: object(
    {
      caCertificateRefs: list(objectRef(), { itemsMin: 1, itemsMax: 8 }),
      mode: word(['AllowValidOnly', 'AllowInsecureFallback']),
    },
    { required: ['caCertificateRefs'] },
  ),
});

const gatewaySpec = object(
  {
    gatewayClassName: objectName(),
    listeners: listeners({ itemsMin: 1 }),
    addresses: list(
      object({ type: string({ lengthMax: 253 }), value: string({ lengthMax: 253 }) }),
      {
        itemsMax: 16,
      },
    ),
    infrastructure: object({
      labels: map(string({ lengthMax: 63 }), { keysMax: 8 }),
      annotations: map(string({ lengthMax: 4096 }), { keysMax: 8 }),
      parametersRef: localRef(),
    }),
    backendTLS: object({ clientCertificateRef: secretRef() }),
    tls: object({
      backend: object({ clientCertificateRef: secretRef() }),
      frontend: object(
        {
          default: frontendValidation,
          perPort: list(
            object({ port: portNumber(), tls: frontendValidation }, { required: ['port', 'tls'] }),
            { itemsMax: 64, keyField: 'port' },
          ),
        },
        { required: ['default'] },
      ),
    }),
    allowedListeners: object({ namespaces: namespaces(['All', 'Selector', 'Same', 'None']) }),
    defaultScope: word(['All', 'None']),
  },
  { required: ['gatewayClassName', 'listeners'] },
);

export const kubeGatewayKind = gatewayApiKind({
  kind: 'Gateway',
  plural: 'gateways',
  shortNames: ['gtw'],
  versions: ['v1', 'v1beta1'],
  spec: gatewaySpec,
});

export const listenerSetKind = gatewayApiKind({
  kind: 'ListenerSet',
  plural: 'listenersets',
  shortNames: ['lset'],
  versions: ['v1'],
  spec: object(
    {
      parentRef: object(
        { group: group(), kind: kindName(), namespace: namespaceName(), name: objectName() },
        { required: ['name'] },
      ),
      listeners: listeners({ itemsMin: 1 }),
    },
    { required: ['parentRef', 'listeners'] },
  ),
});

/** `istio.io/gateway-controller`. */
const CONTROLLER = new RegExp(`^${SUBDOMAIN}/[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+$`);

export const gatewayClassKind = gatewayApiKind({
  kind: 'GatewayClass',
  plural: 'gatewayclasses',
  shortNames: ['gc'],
  versions: ['v1', 'v1beta1'],
  isClusterWide: true,
  spec: object(
    {
      controllerName: string({ lengthMin: 1, lengthMax: 253, pattern: CONTROLLER }),
      parametersRef: objectRef(),
      description: string({ lengthMax: 64 }),
    },
    { required: ['controllerName'] },
  ),
});
