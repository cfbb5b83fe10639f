// HAProxy at both ends, with mutual TLS 1.3 and a line of log for each connection; it captures
// nothing and authorizes nobody but by the certificate's authority.
import { beside, PORTS, type Port } from './data-ports.ts';

const PEM = '/etc/haproxy-bench.pem';
const CA = '/etc/haproxy-bench-ca.pem';
const ports: readonly Port[] = ['postgres', 'echo', 'http'];

export function haproxyConfig(role: 'client' | 'server', server: string): string {
  const sections = ports.map((port) => {
    const lines =
      role === 'client'
        ? [
            `bind 127.0.0.1:${beside(2, port)}`,
            `server s ${server}:${beside(2, port)} ssl crt ${PEM} ca-file ${CA} verify required`,
          ]
        : [
            `bind ${server}:${beside(2, port)} ssl crt ${PEM} ca-file ${CA} verify required`,
            `server s 127.0.0.1:${PORTS[port]}`,
          ];
    const mode = port === 'http' ? 'http' : 'tcp';
    return `listen ${port}\n  mode ${mode}\n  option ${mode}log\n  ${lines.join('\n  ')}\n`;
  });
  return `global
  nbthread 1
  log stdout format raw local0
  ssl-default-bind-options ssl-min-ver TLSv1.3
  ssl-default-server-options ssl-min-ver TLSv1.3
defaults
  log global
  timeout connect 10s
  timeout client 1h
  timeout server 1h
${sections.join('')}`;
}
