// What expressions of Telemetry's tags may ask of a call (`base/tag-expression.ts`), from an entry of
// the access log. Under Envoy's names; what is not there is not known.
import type { TagAttributes } from '#base/tag-expression.ts';
import { RequestMethod } from '#gen/envoy/config/core/v3/base_pb.js';
import type { HTTPAccessLogEntry } from '#gen/envoy/data/accesslog/v3/accesslog_pb.js';
import type { CallFacts } from './call-kind.ts';
import type { WireFacts } from './flows/wire-facts.ts';

export function connectionAttributes(facts: CallFacts, wire: WireFacts): TagAttributes {
  return {
    ...(wire.downstreamLocalPort !== 0 && { 'destination.port': wire.downstreamLocalPort }),
    ...(facts.sni !== '' && { 'connection.requested_server_name': facts.sni }),
    'connection.mtls': facts.downstreamPeer.spiffeId !== '',
  };
}

export function requestAttributes(
  { request, response }: HTTPAccessLogEntry,
  ofConnection: TagAttributes,
): TagAttributes {
  const { authority = '', path = '', scheme = '', userAgent = '' } = request ?? {};
  const method = RequestMethod[request?.requestMethod ?? RequestMethod.METHOD_UNSPECIFIED];
  const texts = {
    'request.host': authority,
    'request.path': path,
    'request.url_path': path.replace(/\?.*$/s, ''),
    'request.scheme': scheme,
    'request.useragent': userAgent,
    'request.method': method === 'METHOD_UNSPECIFIED' ? '' : (method ?? ''),
  };
  const said = Object.entries(texts).filter(([, text]) => text !== '');
  const code = response?.responseCode;
  return {
    ...ofConnection,
    ...Object.fromEntries(said),
    ...(code !== undefined && { 'response.code': code }),
  };
}
