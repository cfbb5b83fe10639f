// A Pod as the lab's node understands it: the part of core/v1 that it acts on, made immutable.
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/

export type PodView = {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Set once the Pod is being deleted. */
  readonly deletion: { readonly graceSeconds: number } | undefined;
  readonly spec: PodSpec;
  /** What the API has of a run before this node's, or empty. */
  readonly recorded: RecordedStatus;
};

export type RecordedStatus = {
  readonly phase: string;
  readonly startTime: string;
  readonly conditions: readonly RecordedCondition[];
  readonly containers: ReadonlyMap<string, RecordedContainer>;
};

export type RecordedCondition = {
  readonly type: string;
  readonly status: string;
  readonly lastTransitionTime: string;
};

export type RecordedContainer = {
  readonly restartCount: number;
  /** It was running, so that a node that knows nothing of it must have lost it. */
  readonly wasRunning: boolean;
  /** An init container that has done its work need not do it again. */
  readonly isCompleted: boolean;
};

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never';

export type PodSpec = {
  readonly serviceAccount: string;
  readonly automountsToken: boolean;
  readonly restartPolicy: RestartPolicy;
  readonly graceSeconds: number;
  readonly activeDeadlineSeconds: number | undefined;
  /** Empty: the Pod's name. */
  readonly hostname: string;
  readonly subdomain: string;
  readonly hostAliases: readonly { readonly ip: string; readonly names: readonly string[] }[];
  readonly dnsPolicy: string;
  readonly dns: DnsConfig;
  readonly usesHostNetwork: boolean;
  readonly readinessGates: readonly string[];
  readonly initContainers: readonly ContainerSpec[];
  readonly containers: readonly ContainerSpec[];
  readonly volumes: readonly VolumeSpec[];
};

export type DnsConfig = {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  /** As they stand in resolv.conf: `ndots:5`. */
  readonly options: readonly string[];
};

export type ContainerSpec = {
  readonly name: string;
  readonly image: string;
  readonly pullPolicy: string;
  /** Empty: the image's. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string;
  readonly env: readonly EnvVar[];
  readonly envFrom: readonly EnvFrom[];
  readonly mounts: readonly MountSpec[];
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  readonly startupProbe: ProbeSpec | undefined;
  readonly readinessProbe: ProbeSpec | undefined;
  readonly livenessProbe: ProbeSpec | undefined;
  /** An init container that stays: a sidecar in Kubernetes' own sense (restartPolicy Always). */
  readonly isSidecar: boolean;
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  readonly preStop: ProbeAction | { readonly kind: 'sleep'; readonly seconds: number } | undefined;
  readonly hasPostStart: boolean;
  readonly terminationMessagePath: string;
  /** Take the log's end as the message of a failure without one. */
  readonly explainsByLogs: boolean;
  readonly requests: Readonly<Record<string, string>>;
  readonly limits: Readonly<Record<string, string>>;
};

export type EnvVar =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly from: ValueSource };

export type ValueSource =
  | FieldSource
  | {
      readonly kind: 'secret' | 'configmap';
      readonly object: string;
      readonly key: string;
      readonly isOptional: boolean;
    }
  | { readonly kind: 'unsupported'; readonly what: string };

/** What a Pod may know of itself. */
export type FieldSource =
  | { readonly kind: 'field'; readonly path: string }
  | {
      readonly kind: 'resource';
      /** Empty: the container itself. */
      readonly container: string;
      readonly resource: string;
      readonly divisor: string;
    };

export type EnvFrom = {
  readonly kind: 'secret' | 'configmap';
  readonly object: string;
  readonly prefix: string;
  readonly isOptional: boolean;
};

export type MountSpec = {
  readonly volume: string;
  readonly path: string;
  readonly isReadOnly: boolean;
  /** Below the volume; `$(NAME)` in it is expanded when it came as subPathExpr. */
  readonly subPath: string;
  readonly isSubPathExpanded: boolean;
};

export type VolumeSpec = {
  readonly name: string;
  readonly source:
    | { readonly kind: 'empty' }
    | {
        readonly kind: 'files';
        /** Octal 0644 is 420, as the API has it. */
        readonly mode: number;
        readonly parts: readonly VolumePart[];
      }
    /** A kind of volume that the lab does not have, such as `hostPath`. */
    | { readonly kind: 'unsupported'; readonly what: string };
};

export type KeyToPath = {
  readonly key: string;
  readonly path: string;
  readonly mode: number | undefined;
};

export type VolumePart =
  | {
      readonly kind: 'secret' | 'configmap';
      readonly object: string;
      /** Undefined: every key under its own name. */
      readonly items: readonly KeyToPath[] | undefined;
      readonly isOptional: boolean;
    }
  | {
      readonly kind: 'downward';
      readonly items: readonly {
        readonly path: string;
        readonly mode: number | undefined;
        readonly source: FieldSource;
      }[];
    }
  | {
      readonly kind: 'token';
      readonly path: string;
      /** Empty: the API server's own. */
      readonly audience: string;
      readonly expirationSeconds: number;
    };

export type ProbeAction =
  | {
      readonly kind: 'http';
      /** Empty: the Pod's address. */
      readonly host: string;
      readonly port: number | string;
      readonly path: string;
      readonly scheme: 'HTTP' | 'HTTPS';
      readonly headers: readonly { readonly name: string; readonly value: string }[];
    }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number | string }
  | { readonly kind: 'exec'; readonly command: readonly string[] }
  | { readonly kind: 'unsupported'; readonly what: string };

export type ProbeSpec = {
  readonly action: ProbeAction;
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
};
