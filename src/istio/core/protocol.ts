// Which protocol a port speaks, by Istio's rules (pkg/config/kube/conversion.go).

/** `auto` says nothing about itself: Istio would look at the first bytes. */
export type Protocol =
  | 'auto'
  | 'grpc'
  | 'grpc-web'
  | 'http'
  | 'http-proxy'
  | 'http2'
  | 'https'
  | 'mongo'
  | 'mysql'
  | 'redis'
  | 'tcp'
  | 'tls'
  | 'udp';

export function isHttp(protocol: Protocol): boolean {
  switch (protocol) {
    case 'grpc':
    case 'grpc-web':
    case 'http':
    case 'http-proxy':
    case 'http2':
      return true;
    default:
      return false;
  }
}
