// isthmus/v1/agent.proto: what an agent asks of the control plane for itself, over the same delta
// xDS stream.
import { create } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, type FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import { message } from './proto-message.ts';

export const agentProto = (): FileDescriptorProto =>
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
      // What Telemetry says of the workload's metrics, each of which by Istio's name, on one side
      // of its calls (`client`, `server`): that there is none; tags that are left out; tags that
      // are set, to what CEL says.
      message('MetricRules', [['rules', 1, '.isthmus.v1.MetricRule', 'repeated']]),
      message('MetricRule', [
        ['side', 1, 'string'],
        ['metric', 2, 'string'],
        ['disabled', 3, 'bool'],
        ['removed', 4, 'string', 'repeated'],
        ['set', 5, '.isthmus.v1.MetricTag', 'repeated'],
      ]),
      message('MetricTag', [
        ['name', 1, 'string'],
        ['value', 2, 'string'],
      ]),
    ],
  });
