// When a request is tried again, and where.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { RetryPolicySchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { PreviousHostsPredicateSchema } from '#gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js';
import { PreviousPrioritiesConfigSchema } from '#gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js';
import { durationMs } from '#istio/duration.ts';
import type { HttpRetries } from '#istio/virtualservice/http-schema.ts';
import { extension, milliseconds } from './message.ts';

type RetryPolicy = MessageInitShape<typeof RetryPolicySchema>;

/**
 * What is tried again when nobody says anything: only what cannot have been done yet. Istio's
 * default, and what was reset before anything of the request was sent, which is as harmless.
 */
const RETRY_ON = 'connect-failure,refused-stream,reset-before-request,unavailable,cancelled';
const ATTEMPTS = 2;
/** Attempts to find an endpoint that has not been tried (Istio's number). */
const HOST_SELECTION_ATTEMPTS = 5;
/** How many attempts go by before other priorities are looked at anew (Istio's number). */
const PRIORITY_UPDATE_FREQUENCY = 2;

/** undefined: nothing is tried again. */
export function buildRetryPolicy(
  retries: HttpRetries | undefined,
  { isHashed }: { readonly isHashed: boolean },
): RetryPolicy | undefined {
  const attempts = retries === undefined ? ATTEMPTS : (retries.attempts ?? 0);
  if (attempts <= 0) return undefined;
  const words = (retries?.retryOn || RETRY_ON).split(',').map((word) => word.trim());
  const statuses = words.filter((word) => /^[1-5]\d\d$/.test(word)).map(Number);
  const conditions = words.filter((word) => word !== '' && !/^\d+$/.test(word));
  const needsStatuses = statuses.length > 0 && !conditions.includes('retriable-status-codes');
  const perTryMs = durationMs(retries?.perTryTimeout ?? '');
  const backoffMs = durationMs(retries?.backoff ?? '');
  return {
    retryOn: [...conditions, ...(needsStatuses ? ['retriable-status-codes'] : [])].join(','),
    retriableStatusCodes: statuses,
    numRetries: attempts,
    ...(perTryMs !== undefined && { perTryTimeout: milliseconds(Math.round(perTryMs)) }),
    ...(backoffMs !== undefined && {
      retryBackOff: { baseInterval: milliseconds(Math.round(backoffMs)) },
    }),
    // where a hash decides, another host is none of its choice
    ...((retries?.retryIgnorePreviousHosts ?? !isHashed) && { retryHostPredicate: ELSEWHERE }),
    ...(retries?.retryRemoteLocalities === true && { retryPriority: OTHER_LOCALITIES }),
    hostSelectionRetryMaxAttempts: BigInt(HOST_SELECTION_ATTEMPTS),
  };
}

const ELSEWHERE = [
  extension('envoy.retry_host_predicates.previous_hosts', PreviousHostsPredicateSchema, {}),
];

const OTHER_LOCALITIES = extension(
  'envoy.retry_priorities.previous_priorities',
  PreviousPrioritiesConfigSchema,
  { updateFrequency: PRIORITY_UPDATE_FREQUENCY },
);
