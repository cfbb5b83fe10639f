// A ProxyConfig as the mesh uses it: how proxies are to run that are injected from now on.
import type { KubeObject } from '#kube/objects.ts';
import { unusedFields } from '../acted-on.ts';
import { parseObject } from '../kind.ts';
import type { ParsedMeta, ParseResult, Violation } from '../object.ts';
import { proxyConfigKind } from './schema.ts';

export type ProxyConfig = ParsedMeta & {
  /** Labels of the workloads that it is for; empty for all of its namespace. */
  readonly selector: Readonly<Record<string, string>>;
  /** undefined: not said. 0: as many as there are cores. */
  readonly concurrency: number | undefined;
  readonly environmentVariables: Readonly<Record<string, string>>;
  readonly remarks: readonly Violation[];
};

const ACTED_ON = { selector: true, concurrency: true, environmentVariables: true } as const;

export function parseProxyConfig(object: KubeObject): ParseResult<ProxyConfig> {
  return parseObject(proxyConfigKind, object, (spec, meta) => ({
    ...meta,
    selector: spec.selector?.matchLabels ?? {},
    concurrency: spec.concurrency,
    environmentVariables: spec.environmentVariables ?? {},
    remarks: unusedFields(spec, ACTED_ON),
  }));
}
