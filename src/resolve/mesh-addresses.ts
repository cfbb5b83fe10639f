// What the agents in a namespace capture: the mesh's ranges, and single addresses outside of them.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { MeshAddressesSchema } from '#gen/isthmus/v1/agent_pb.js';
import type { MeshAddresses } from '#model/mesh.ts';

export function buildMeshAddresses(
  addresses: MeshAddresses,
): MessageInitShape<typeof MeshAddressesSchema> {
  return { ranges: [...addresses.ranges], addresses: [...addresses.addresses] };
}
