// Requests and answers as plain values: everything above the sockets works on these.
import type { UpgradingClient } from '../node/tunnel.ts';
import type { ClientCertificate } from '../auth/authenticate.ts';

export type ApiRequest = {
  readonly method: string;
  /** Percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case; a repeated header's values are joined by commas. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
  readonly certificate: ClientCertificate;
};

/** The writing end of an answer that goes on for a while. */
export type ByteSink = {
  /** @returns false when no more should be written until `onDrain` was called */
  write(data: string | Uint8Array): boolean;
  end(): void;
};

/** The part that produces such an answer. */
export type ByteSource = {
  /** The sink has room: called first to begin, and then after each time it was full. */
  readonly onDrain: () => void;
  /** The client is gone, or the answer has ended. Called exactly once. */
  readonly onClose: () => void;
};

export type Headers = Readonly<Record<string, string | readonly string[]>>;

export type ApiResponse = {
  readonly status: number;
  readonly headers: Headers;
} & (
  | { readonly kind: 'whole'; readonly body: string | Uint8Array }
  | { readonly kind: 'stream'; readonly start: (sink: ByteSink) => ByteSource }
  /** For clients that asked for an upgrade of their connection, and for no others. */
  | { readonly kind: 'tunnel'; readonly open: (client: UpgradingClient) => Promise<void> }
);

export function jsonResponse(status: number, value: unknown, headers: Headers = {}): ApiResponse {
  return {
    kind: 'whole',
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(value),
  };
}

export function textResponse(status: number, text: string): ApiResponse {
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
  };
  return { kind: 'whole', status, headers, body: text };
}
