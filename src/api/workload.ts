// One workload, looked at through its agent. `GET /api/v1/workloads/{ns}/{name}/…`.
import type { MeshNode } from './graph.ts';
import type { HistoryMark } from './history-marks.ts';
import type { Join } from './joins.ts';

/** `…/overview`, `?at=<ms>`: as it was then. */
export type WorkloadOverview = {
  readonly node: MeshNode;
  /** Of one that is there no more: when it left. Absent: it is there. */
  readonly leftAtMs?: number;
  /**
   * Of `?at=<ms>`: the moment that it shows. Labels, checks, facts of the agent and policies of then
   * are not kept: they are empty. The same is so of one that has left.
   */
  readonly atMs?: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly facts: readonly { readonly name: string; readonly value: string }[];
  readonly health: readonly { readonly check: string; readonly state: string }[];
  readonly events: readonly HistoryMark[];
  readonly join: Join | null;
  readonly policies: readonly PolicyOnPort[];
};

export type PolicyOnPort = {
  /** 0: every port. */
  readonly port: number;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly effect: string;
};

/**
 * `…/proxy`: Envoy's configuration and what it was to be, as tables; `?instance=<key>` of one of
 * several. `…/proxy/dump` is Envoy's own configuration dump, JSON, without secrets; `…/bundle` is
 * all of this page in one JSON file for a report.
 */
export type ProxyReport = {
  readonly instance: string;
  readonly atMs: number;
  readonly listeners: readonly ProxyListener[];
  readonly clusters: readonly ProxyCluster[];
  readonly routes: readonly { readonly name: string; readonly domains: readonly string[] }[];
  readonly sync: readonly ProxySync[];
  /** Of Envoy's statistics those that say something about its health. */
  readonly stats: Readonly<Record<string, number>>;
};

export type ProxyListener = {
  readonly name: string;
  readonly address: string;
  /** Of its filter chains: `5432_mtls`. */
  readonly chains: readonly string[];
  /** Ports that the chains are for. */
  readonly ports: readonly number[];
};

export type ProxyCluster = {
  readonly name: string;
  readonly service: string;
  readonly endpoints: readonly {
    readonly address: string;
    readonly health: string;
    readonly network: string;
  }[];
};

/** One type of configuration. */
export type ProxySync = {
  readonly type: string;
  readonly state: 'in-sync' | 'sent' | 'rejected' | 'never-asked';
  /** Envoy's message, of what was rejected. */
  readonly message: string;
  /** When Envoy last said what it makes of what it was sent; 0: it has not yet. */
  readonly atMs: number;
  /** Resources whose intended and acknowledged form differ. */
  readonly differences: readonly {
    readonly name: string;
    readonly intended: string;
    readonly acknowledged: string;
  }[];
};

/**
 * `…/logs?source=access|proxy|agent|app&lines=200&follow=1`: server-sent events `line` of these,
 * oldest first; `instance=<key>` of one of several. Without `follow` the stream ends with the last.
 */
export type LogLine = {
  readonly instance: string;
  readonly source: LogSource;
  /** Null: the line does not say. */
  readonly atMs: number | null;
  /** Without control characters, cut at 8 KiB. */
  readonly text: string;
};

export type LogSource = 'access' | 'proxy' | 'agent' | 'app';
