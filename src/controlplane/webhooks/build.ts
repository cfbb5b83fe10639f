// The webhooks of a control plane: what they are made from.
import type { ServerNames } from '#ca/authority.ts';
import { MESH_CONFIG_NAMESPACE } from '#istio/meshconfig/mesh-config.ts';
import type { ControlPlane, ControlPlaneDependencies } from '../build.ts';
import type { ControlPlaneConfig } from '../config.ts';
import type { WebhookOptions } from './webhooks.ts';

/** By which name a sidecar finds the control plane, and what it is told of its cluster. */
const CONTROL_PLANE_ADDRESS = 'istiod.istio-system.svc:15012';
const CLUSTER_ID = 'Kubernetes';
const REVISION = 'default';

export function webhookOptions(
  { authority, mesh, counters }: Pick<ControlPlane, 'authority' | 'mesh' | 'counters'>,
  options: ControlPlaneDependencies & {
    readonly config: ControlPlaneConfig;
    readonly names: ServerNames;
    /** 0 (inclusive) to 1 (exclusive). */
    readonly random: () => number;
  },
): WebhookOptions {
  const { config, names, client, clock, random, log } = options;
  const { webhooks: listen, webhookUrl, apiServerDataDir, proxyImage } = config;
  return {
    listen,
    names,
    authority,
    counters: counters.webhooks,
    address: (port) => {
      // The embedded API server is on this machine, and resolves no Services.
      const url = webhookUrl ?? (apiServerDataDir && `https://127.0.0.1:${port}`);
      return url ? { kind: 'url', url } : { kind: 'service', namespace: MESH_CONFIG_NAMESPACE };
    },
    settings: {
      image: proxyImage,
      controlPlaneAddress: CONTROL_PLANE_ADDRESS,
      trustDomain: mesh.config().trustDomain,
      clusterId: CLUSTER_ID,
      revision: REVISION,
      proxySettings: mesh.proxySettings,
    },
    client,
    clock,
    random,
    log: log.with({ part: 'webhooks' }),
  };
}
