// Secrets that are files beside a proxy, by the names that Istio gives them in SDS: the control
// plane says the name, and the agent on that machine reads the file.

const CERTIFICATE = 'file-cert:';
const ROOTS = 'file-root:';
/** Istio's word for the authorities that the machine trusts. */
const SYSTEM = 'system';

export type FileSecret =
  | { readonly kind: 'certificate'; readonly chain: string; readonly key: string }
  /** Empty: those that the machine trusts. */
  | { readonly kind: 'roots'; readonly file: string };

/** `file-cert:/etc/certs/tls.crt~/etc/certs/tls.key`. */
export const certificateFileSecret = (files: {
  readonly chain: string;
  readonly key: string;
}): string => `${CERTIFICATE}${files.chain}~${files.key}`;

/** `file-root:/etc/certs/ca.crt`. */
export const rootFileSecret = (file: string): string => `${ROOTS}${file === '' ? SYSTEM : file}`;

/** undefined: the name is of another kind. */
export function parseFileSecret(name: string): FileSecret | undefined {
  if (name.startsWith(ROOTS)) {
    const file = name.slice(ROOTS.length);
    return file === '' ? undefined : { kind: 'roots', file: file === SYSTEM ? '' : file };
  }
  if (!name.startsWith(CERTIFICATE)) return undefined;
  const [chain = '', key = '', ...rest] = name.slice(CERTIFICATE.length).split('~');
  return chain === '' || key === '' || rest.length > 0
    ? undefined
    : { kind: 'certificate', chain, key };
}
