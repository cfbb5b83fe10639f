// What the agent tells of itself as metrics: on its own page, and pushed to isthmusd with the
// workload's. Istio's names (`istio_agent_…`, pilot-agent) where they mean the same.
import type { Family } from '#telemetry/exposition.ts';
import type { AgentParts } from './build.ts';

export type AgentFigures = {
  readonly version: string;
  /** Undefined: there is no certificate. */
  readonly certificateNotAfterMs: number | undefined;
  readonly nowMs: number;
  readonly isConnected: boolean;
  readonly isEnvoyLive: boolean;
  /** Undefined: nothing is to be captured here. */
  readonly isCaptured: boolean | undefined;
  readonly openConnections: number;
  readonly pendingCalls: number;
};

type Parts = Pick<
  AgentParts,
  'identity' | 'relay' | 'envoy' | 'capture' | 'telemetry' | 'dependencies'
>;

export function agentFigures(parts: Parts, version: string): AgentFigures {
  const { identity, relay, envoy, capture, telemetry, dependencies } = parts;
  const state = identity.state();
  const { kind } = capture.status();
  return {
    version,
    certificateNotAfterMs: state.kind === 'none' ? undefined : state.svid.notAfterMs,
    nowMs: dependencies.clock.nowMs(),
    isConnected: relay.status().openStreams > 0,
    isEnvoyLive: envoy.wasLive,
    isCaptured: kind === 'off' ? undefined : kind === 'verified',
    openConnections: telemetry.openConnections,
    pendingCalls: telemetry.pendingCalls,
  };
}

/** Those that stay true for a while after they were told. */
export function agentFamilies(figures: AgentFigures): readonly Family[] {
  const { version, certificateNotAfterMs: notAfterMs, isCaptured } = figures;
  return [
    {
      type: 'gauge',
      name: 'isthmus_agent_info',
      help: '1, with the version that runs.',
      samples: [{ labels: [['version', version]], value: 1 }],
    },
    ...(notAfterMs === undefined
      ? []
      : [
          gauge(
            'isthmus_agent_certificate_expiry_timestamp_seconds',
            'When the workload’s certificate expires, in seconds since 1970.',
            notAfterMs / 1000,
          ),
        ]),
    gauge(
      'isthmus_agent_control_plane_connected',
      '1 while the proxy’s stream to the control plane is open.',
      figures.isConnected ? 1 : 0,
    ),
    gauge(
      'isthmus_agent_envoy_live',
      '1 while Envoy has its listeners, clusters and certificates.',
      figures.isEnvoyLive ? 1 : 0,
    ),
    ...(isCaptured === undefined
      ? []
      : [
          gauge(
            'isthmus_agent_capture_in_force',
            '1 while the workload’s traffic is captured, as a probe has shown.',
            isCaptured ? 1 : 0,
          ),
        ]),
    gauge('isthmus_agent_open_connections', 'Connections being counted.', figures.openConnections),
    gauge(
      'isthmus_agent_calls_without_names',
      'Kinds of calls that are counted once it is known who their ends are.',
      figures.pendingCalls,
    ),
  ];
}

/** What is only true at the moment: for whoever asks. */
export function momentaryFamilies({
  certificateNotAfterMs: notAfterMs,
  nowMs,
}: AgentFigures): readonly Family[] {
  if (notAfterMs === undefined) return [];
  return [
    gauge(
      'istio_agent_cert_expiry_seconds',
      'Seconds until the workload’s certificate expires; negative once it has.',
      (notAfterMs - nowMs) / 1000,
    ),
  ];
}

const gauge = (name: string, help: string, value: number): Family => ({
  type: 'gauge',
  name,
  help,
  samples: [{ labels: [], value }],
});
