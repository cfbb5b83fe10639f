// Apart from what uses it, so that help and completion need not load a planner.

/** What `--protocol` takes: Istio's words for TCP and what runs on it. */
export const PROTOCOLS = [
  'tcp',
  'http',
  'http2',
  'https',
  'grpc',
  'tls',
  'mongo',
  'mysql',
  'redis',
] as const;
