// ReferenceGrant and BackendTLSPolicy: who may refer to whom, and how a backend is verified.
import { object } from '../schema/object-schema.ts';
import { list, map, string, word } from '../schema/schema.ts';
import {
  exactHostname,
  gatewayApiKind,
  group,
  kindName,
  localRef,
  namespaceName,
  objectName,
  sectionName,
} from './parts.ts';

export const referenceGrantKind = gatewayApiKind({
  kind: 'ReferenceGrant',
  plural: 'referencegrants',
  shortNames: ['refgrant'],
  versions: ['v1beta1', 'v1'],
  spec: object(
    {
      from: list(
        object(
          { group: group(), kind: kindName(), namespace: namespaceName() },
          { required: ['group', 'kind', 'namespace'] },
        ),
        { itemsMin: 1, itemsMax: 16 },
      ),
      to: list(
        object(
          { group: group(), kind: kindName(), name: objectName() },
          { required: ['group', 'kind'] },
        ),
        { itemsMin: 1, itemsMax: 16 },
      ),
    },
    { required: ['from', 'to'] },
  ),
});

const target = object(
  { group: group(), kind: kindName(), name: objectName(), sectionName: sectionName() },
  { required: ['group', 'kind', 'name'] },
);

type Target = {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly sectionName?: string | undefined;
};

const SAME = 'p1.group == p2.group && p1.kind == p2.kind && p1.name == p2.name';
const SECTIONS =
  "(has(p1.sectionName) ? p1.sectionName : '') == (has(p2.sectionName) ? p2.sectionName : '')";
const HAS_SECTION = "(has(p1.sectionName) ? p1.sectionName : '') == ''";
const OTHER_HAS_SECTION = "(has(p2.sectionName) ? p2.sectionName : '') == ''";

const isSame = (a: Target, b: Target): boolean =>
  a.group === b.group && a.kind === b.kind && a.name === b.name;

const validation = object(
  {
    caCertificateRefs: list(localRef(), { itemsMax: 8 }),
    wellKnownCACertificates: string({ lengthMin: 1, lengthMax: 253 }),
    hostname: exactHostname(),
    subjectAltNames: list(
      object(
        {
          type: word(['Hostname', 'URI']),
          hostname: string({ lengthMax: 253 }),
          uri: string({ lengthMax: 253 }),
        },
        { required: ['type'] },
      ),
      { itemsMax: 5 },
    ),
  },
  {
    required: ['hostname'],
    rules: [
      {
        cel: '!(has(self.caCertificateRefs) && size(self.caCertificateRefs) > 0 && has(self.wellKnownCACertificates) && self.wellKnownCACertificates != "")',
        message: 'must not contain both CACertificateRefs and WellKnownCACertificates',
        holds: ({ caCertificateRefs = [], wellKnownCACertificates }) =>
          caCertificateRefs.length === 0 || wellKnownCACertificates === undefined,
      },
      {
        cel: '(has(self.caCertificateRefs) && size(self.caCertificateRefs) > 0 || has(self.wellKnownCACertificates) && self.wellKnownCACertificates != "")',
        message: 'must specify either CACertificateRefs or WellKnownCACertificates',
        holds: ({ caCertificateRefs = [], wellKnownCACertificates }) =>
          caCertificateRefs.length > 0 || wellKnownCACertificates !== undefined,
      },
    ],
  },
);

export const backendTlsPolicyKind = gatewayApiKind({
  kind: 'BackendTLSPolicy',
  plural: 'backendtlspolicies',
  shortNames: ['btlspolicy'],
  versions: ['v1'],
  spec: object(
    {
      targetRefs: list(target, {
        itemsMin: 1,
        itemsMax: 16,
        rules: [
          {
            cel: `self.all(p1, self.all(p2, (${SAME}) ? (${HAS_SECTION}) == (${OTHER_HAS_SECTION}) : true))`,
            message:
              'sectionName must be specified when targetRefs includes 2 or more references to ' +
              'the same target',
            holds: (self: readonly Target[]) =>
              self.every((a) =>
                self.every((b) => !isSame(a, b) || !a.sectionName === !b.sectionName),
              ),
          },
          {
            cel: `self.all(p1, self.exists_one(p2, ${SAME} && ${SECTIONS}))`,
            message:
              'sectionName must be unique when targetRefs includes 2 or more references to the ' +
              'same target',
            holds: (self) =>
              self.every(
                (a) =>
                  self.filter(
                    (b) => isSame(a, b) && (a.sectionName ?? '') === (b.sectionName ?? ''),
                  ).length === 1,
              ),
          },
        ],
      }),
      validation,
      options: map(string({ lengthMax: 4096 }), { keysMax: 16 }),
    },
    { required: ['targetRefs', 'validation'] },
  ),
});
