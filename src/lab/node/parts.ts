// What every Pod of a node shares: its place, its limits, its way to the API.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { EventNote } from '#kube/event-recorder.ts';
import type { KubeClient } from '#kube/client.ts';
import type { NameEntry } from '../machine-files.ts';
import type { AddressPool } from './address-pool.ts';
import type { ImageSource } from './image/source.ts';
import type { Variables } from './pod/expand.ts';
import type { RestartBackoff } from './pod/restart.ts';
import type { PodView } from './pod/spec.ts';

export type NodeTiming = {
  /** For containers that end, and for images that are not there. */
  readonly backoff: RestartBackoff;
  /** Between attempts at what somebody else has to bring about: a Secret, a ConfigMap. */
  readonly retryMs: number;
  /** How often Secrets, ConfigMaps and tokens in volumes are looked at. */
  readonly volumeSyncMs: number;
  /** The node's heartbeat. */
  readonly leaseMs: number;
};

export type NodeParts = {
  readonly name: string;
  /** Where the kubelet endpoint listens: the Pods' hostIP. */
  readonly address: string;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly timing: NodeTiming;
  readonly images: ImageSource;
  readonly addresses: AddressPool;
  /** Network namespace that the Pods' links hang on. */
  readonly router: string;
  readonly nameserver: string;
  readonly knows: readonly NameEntry[];
  /** Variables of every container; its image's and its own go before them. */
  readonly env: Variables;
  readonly allocatable: Readonly<Record<string, string>>;
  /** Folder for what Pods are made of, private to the lab. */
  readonly runDir: string;
  /** Folder for containers' logs. */
  readonly logsDir: string;
  /** Says what happened, in the Pod's Events; never waits. */
  readonly note: (pod: PodView, note: EventNote) => void;
};
