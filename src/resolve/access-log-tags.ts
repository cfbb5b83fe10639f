// What the access-log stream carries of a call beside Envoy's own fields: who the service is, and
// the TLS session that the proxy opened.
import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  FORMAT_TAGS,
  HTTP_FORMAT_TAGS,
  OUTBOUND_FORMAT_TAGS,
  OUTBOUND_TCP_FORMAT_TAGS,
  SERVICE_TAG,
} from '#base/access-log-tags.ts';
import type { CustomTagSchema } from '#gen/envoy/type/tracing/v3/custom_tag_pb.js';
import { ISTIO_METADATA } from './identity-metadata.ts';

type CustomTag = MessageInitShape<typeof CustomTagSchema>;

export function streamLogTags(
  direction: 'inbound' | 'outbound',
  protocol: 'tcp' | 'http',
): CustomTag[] {
  const isOutboundTcp = direction === 'outbound' && protocol === 'tcp';
  return [
    ...formatTags(FORMAT_TAGS),
    ...(direction === 'outbound' ? formatTags(OUTBOUND_FORMAT_TAGS) : []),
    ...(protocol === 'http' ? formatTags(HTTP_FORMAT_TAGS) : []),
    ...(isOutboundTcp ? formatTags(OUTBOUND_TCP_FORMAT_TAGS) : []),
    clusterTag(SERVICE_TAG),
  ];
}

const formatTags = (formats: Readonly<Record<string, string>>): CustomTag[] =>
  Object.entries(formats).map(([tag, value]) => ({ tag, type: { case: 'value', value } }));

const clusterTag = (tag: string): CustomTag => ({
  tag,
  type: {
    case: 'metadata',
    value: {
      kind: { kind: { case: 'cluster', value: {} } },
      metadataKey: { key: ISTIO_METADATA, path: [{ segment: { case: 'key', value: tag } }] },
    },
  },
});
