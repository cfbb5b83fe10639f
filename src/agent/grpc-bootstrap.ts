// How a program that speaks gRPC finds the mesh without a proxy: Istio's bootstrap file for gRPC's
// own xDS client (gRFC A27), which leads to the agent's socket. Clear text on that socket: it is
// the agent that is known to the control plane, by its certificate.
import type { AgentConfig } from './config.ts';
import { nodeId } from './envoy/bootstrap.ts';
import { writeFileAtomic } from './files.ts';
import { agentFiles } from './paths.ts';

/** Where GRPC_XDS_BOOTSTRAP says; nothing without it. @throws OperatorError STORE_FAILED */
export async function writeGrpcBootstrap(workload: {
  readonly config: AgentConfig;
  readonly ip: string;
}): Promise<void> {
  const { grpcBootstrapFile } = workload.config;
  if (grpcBootstrapFile === undefined) return;
  const socketPath = agentFiles(workload.config.paths).envoySocket;
  await writeFileAtomic(grpcBootstrapFile, renderGrpcBootstrap({ ...workload, socketPath }));
}

export function renderGrpcBootstrap(workload: {
  readonly config: AgentConfig;
  readonly ip: string;
  /** The agent's. */
  readonly socketPath: string;
}): string {
  const bootstrap = {
    xds_servers: [
      {
        server_uri: `unix://${workload.socketPath}`,
        channel_creds: [{ type: 'insecure' }],
        server_features: ['xds_v3'],
      },
    ],
    // gRPC's library for Node will not start without a locality, be it an empty one
    node: { id: nodeId(workload), metadata: { GENERATOR: 'grpc' }, locality: {} },
  };
  return `${JSON.stringify(bootstrap, undefined, 2)}\n`;
}
