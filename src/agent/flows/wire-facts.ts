// What an entry of the access-log stream says that flows need and metrics do not: ports, the TLS
// session's version, and who refused.
import type { Address } from '#gen/envoy/config/core/v3/address_pb.js';
import {
  TLSProperties_TLSVersion as TlsVersion,
  type AccessLogCommon,
} from '#gen/envoy/data/accesslog/v3/accesslog_pb.js';

/** Ports are 0 where there is no address. */
export type WireFacts = {
  readonly downstreamRemotePort: number;
  readonly downstreamLocalPort: number;
  readonly upstreamRemotePort: number;
  readonly upstreamLocalPort: number;
  /** Of the session with the downstream: `TLSv1.3`; empty: there is none. */
  readonly tlsVersion: string;
  /** `TLS_AES_128_GCM_SHA256`; empty: none, or one that we have no name for. */
  readonly tlsCipher: string;
  /** `namespace/name` of the policy that refused it, `-` when no rule allowed it, else empty. */
  readonly deniedBy: string;
};

/** @param details why Envoy ended the connection, or answered the request by itself */
export function wireFacts(common: AccessLogCommon, details: string): WireFacts {
  const { tlsProperties } = common;
  return {
    downstreamRemotePort: portOf(common.downstreamDirectRemoteAddress),
    downstreamLocalPort: portOf(common.downstreamLocalAddress),
    upstreamRemotePort: portOf(common.upstreamRemoteAddress),
    upstreamLocalPort: portOf(common.upstreamLocalAddress),
    tlsVersion: (tlsProperties && VERSIONS[tlsProperties.tlsVersion]) ?? '',
    tlsCipher: CIPHERS[tlsProperties?.tlsCipherSuite ?? 0] ?? '',
    deniedBy: deniedBy(details),
  };
}

function portOf(address: Address | undefined): number {
  if (address?.address.case !== 'socketAddress') return 0;
  const { portSpecifier } = address.address.value;
  return portSpecifier.case === 'portValue' ? portSpecifier.value : 0;
}

const VERSIONS: Readonly<Partial<Record<TlsVersion, string>>> = {
  [TlsVersion.TLSv1]: 'TLSv1',
  [TlsVersion.TLSv1_1]: 'TLSv1.1',
  [TlsVersion.TLSv1_2]: 'TLSv1.2',
  [TlsVersion.TLSv1_3]: 'TLSv1.3',
};

/** IANA's numbers of what Envoy offers by default. */
const CIPHERS: Readonly<Record<number, string>> = {
  0x1301: 'TLS_AES_128_GCM_SHA256',
  0x1302: 'TLS_AES_256_GCM_SHA384',
  0x1303: 'TLS_CHACHA20_POLY1305_SHA256',
  0xc02b: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  0xc02c: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  0xc02f: 'ECDHE-RSA-AES128-GCM-SHA256',
  0xc030: 'ECDHE-RSA-AES256-GCM-SHA384',
  0xcca8: 'ECDHE-RSA-CHACHA20-POLY1305',
  0xcca9: 'ECDHE-ECDSA-CHACHA20-POLY1305',
};

/** What Envoy's RBAC filters write, around the rule names of src/resolve/rbac-rules.ts. */
const DENIAL = 'rbac_access_denied_matched_policy[';
const RULE = /^ns\[([^\]]+)\]-policy\[([^\]]+)\]-rule\[/;

/** Envoy writes spaces as underscores there; names of objects have neither. */
function deniedBy(details: string): string {
  if (!details.startsWith(DENIAL)) return '';
  const [, namespace, name] = RULE.exec(details.slice(DENIAL.length)) ?? [];
  return namespace === undefined || name === undefined ? '-' : `${namespace}/${name}`;
}
