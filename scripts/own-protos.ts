// Descriptors of the few messages that are not inside the Envoy binary, written as data because the
// project carries no protobuf compiler: Istio's certificate service and our own agent resources.
import { create } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, type FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import { agentProto } from './agent-proto.ts';
import { attendProto } from './attend-proto.ts';
import { flowsProto } from './flows-proto.ts';
import { message } from './proto-message.ts';

export function ownProtos(): FileDescriptorProto[] {
  return [
    // istio/api security/v1alpha1/ca.proto: what every Istio agent calls to get its certificate.
    create(FileDescriptorProtoSchema, {
      name: 'istio/v1/auth/ca.proto',
      package: 'istio.v1.auth',
      syntax: 'proto3',
      dependency: ['google/protobuf/struct.proto'],
      messageType: [
        message('IstioCertificateRequest', [
          ['csr', 1, 'string'],
          ['validity_duration', 3, 'int64'],
          ['metadata', 4, '.google.protobuf.Struct'],
        ]),
        message('IstioCertificateResponse', [['cert_chain', 1, 'string', 'repeated']]),
      ],
      service: [
        {
          name: 'IstioCertificateService',
          method: [
            {
              name: 'CreateCertificate',
              inputType: '.istio.v1.auth.IstioCertificateRequest',
              outputType: '.istio.v1.auth.IstioCertificateResponse',
            },
          ],
        },
      ],
    }),
    agentProto(),
    attendProto(),
    flowsProto(),
  ];
}
