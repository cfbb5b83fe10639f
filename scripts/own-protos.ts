// Descriptors of the few messages that are not inside the Envoy binary, written as data because the
// project carries no protobuf compiler: Istio's certificate service and our own agent resources.
import { create } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, type FileDescriptorProto } from '@bufbuild/protobuf/wkt';
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
    // What an agent asks of the control plane for itself, over the same delta xDS stream.
    create(FileDescriptorProtoSchema, {
      name: 'isthmus/v1/agent.proto',
      package: 'isthmus.v1',
      syntax: 'proto3',
      messageType: [
        // The addresses whose traffic an agent captures: CIDR ranges of the mesh, and single
        // addresses outside them.
        message('MeshAddresses', [
          ['ranges', 1, 'string', 'repeated'],
          ['addresses', 2, 'string', 'repeated'],
        ]),
        // What one host name means to the workloads of a namespace. The resource's name is the
        // name asked for: fully qualified, in lower case, without a final dot. Every name is
        // answered; `known` is false when it is not the mesh's to answer.
        message('HostAddresses', [
          ['addresses', 1, 'string', 'repeated'],
          ['known', 2, 'bool'],
          ['ttl_seconds', 3, 'uint32'],
        ]),
        // Who a peer is, in the words of Istio's metrics. The resource's name is what it is asked
        // by (src/base/peer-name.ts). Every name is answered; `known` is false when the mesh has no
        // such workload.
        message('WorkloadFacts', [
          ['known', 1, 'bool'],
          ['workload', 2, 'string'],
          ['namespace', 3, 'string'],
          ['app', 4, 'string'],
          ['version', 5, 'string'],
          ['canonical_service', 6, 'string'],
          ['canonical_revision', 7, 'string'],
          ['cluster', 8, 'string'],
        ]),
      ],
    }),
    attendProto(),
    flowsProto(),
  ];
}
