// What every answer of the console says to browsers.
// https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html

export type SecurityHeaders = Readonly<Record<string, string>>;

type PageOptions = {
  /** For the styles that the page's editor makes; absent: there are none. */
  readonly nonce?: string;
  /** Origins whose pages may show this one in a frame. */
  readonly embedders?: readonly string[];
};

/** Everything comes from here; nothing is framed, embedded or sent elsewhere. */
function contentSecurityPolicy({ nonce, embedders = [] }: PageOptions): string {
  const styles = nonce === undefined ? '' : ` 'nonce-${nonce}'`;
  return [
    "default-src 'self'",
    `style-src 'self'${styles}`,
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors ${embedders.length === 0 ? "'none'" : embedders.join(' ')}`,
  ].join('; ');
}

export const securityHeaders = (page: PageOptions = {}): SecurityHeaders => ({
  'content-security-policy': contentSecurityPolicy(page),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  // For browsers that do not know frame-ancestors; it cannot name anybody.
  ...((page.embedders ?? []).length === 0 && { 'x-frame-options': 'DENY' }),
});
