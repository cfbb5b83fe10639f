// IPv4 ranges as numbers: what cluster IPs are drawn from.

export type Ipv4Range = {
  /** Canonical form, host bits cleared: `10.96.0.0/16`. */
  readonly text: string;
  readonly prefixLength: number;
  /** The first address as an unsigned 32-bit number. */
  readonly first: number;
  /** How many addresses the range has, the network's and the broadcast one included. */
  readonly size: number;
};

/** @returns undefined when `text` is not dotted-decimal IPv4 with a prefix length */
export function parseCidr(text: string): Ipv4Range | undefined {
  const match = /^([\d.]+)\/(\d{1,2})$/.exec(text);
  const address = parseIpv4(match?.[1] ?? '');
  const prefixLength = Number(match?.[2]);
  if (address === undefined || !(prefixLength <= 32)) return undefined;
  const size = 2 ** (32 - prefixLength);
  const first = Math.floor(address / size) * size;
  return { text: `${formatIpv4(first)}/${prefixLength}`, prefixLength, first, size };
}

/** @returns the address as an unsigned 32-bit number; undefined for anything but `a.b.c.d` */
export function parseIpv4(text: string): number | undefined {
  if (!/^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/.test(text)) return undefined;
  const octets = text.split('.').map(Number);
  if (octets.some((octet) => octet > 255)) return undefined;
  return octets.reduce((sum, octet) => sum * 256 + octet, 0);
}

export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

export function rangeContains(range: Ipv4Range, address: number): boolean {
  return address >= range.first && address < range.first + range.size;
}
