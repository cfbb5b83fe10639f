// Every file and socket of the agent, in one place.
import type { AgentPaths } from './config.ts';

export type AgentFiles = {
  readonly identity: string;
  readonly envoy: string;
  readonly capture: string;
  readonly meshAddresses: string;
  readonly hostNames: string;
  /** What Envoy has accepted, sealed. */
  readonly configuration: string;
  /** The machine's own key to what is sealed. */
  readonly sealKey: string;
  /** Istio's name for Envoy's generated configuration. */
  readonly bootstrap: string;
  /** Istio's name for the socket on which its agent serves Envoy. */
  readonly envoySocket: string;
  readonly controlSocket: string;
  /** Envoy's standard output (the access log), and its own log. */
  readonly accessLog: string;
  readonly errorLog: string;
};

export function agentFiles({ stateDir, proxyDir, logDir }: AgentPaths): AgentFiles {
  return {
    identity: `${stateDir}/identity.sealed`,
    envoy: `${stateDir}/envoy.json`,
    capture: `${stateDir}/capture.json`,
    meshAddresses: `${stateDir}/mesh-addresses.json`,
    hostNames: `${stateDir}/host-names.json`,
    configuration: `${stateDir}/xds.sealed`,
    sealKey: `${stateDir}/seal.key`,
    bootstrap: `${proxyDir}/envoy-rev.json`,
    envoySocket: `${proxyDir}/XDS`,
    controlSocket: `${proxyDir}/agent.sock`,
    accessLog: `${logDir}/istio.log`,
    errorLog: `${logDir}/istio.err.log`,
  };
}
