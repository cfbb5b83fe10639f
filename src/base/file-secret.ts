// Secrets that a proxy's agent gets for it, by the names that Istio gives them in SDS: the control
// plane says the name, and the agent reads the file on its machine, or the Secret of its namespace.

const CERTIFICATE = 'file-cert:';
const ROOTS = 'file-root:';
/** Istio's word for the authorities that the machine trusts. */
const SYSTEM = 'system';

export type FileSecret =
  | { readonly kind: 'certificate'; readonly chain: string; readonly key: string }
  /** Empty: those that the machine trusts. */
  | { readonly kind: 'roots'; readonly file: string }
  /** The certificate and key in a Secret, or the roots in it or in the one beside it. */
  | { readonly kind: 'credential' | 'credential-roots'; readonly name: string };

/** `file-cert:/etc/certs/tls.crt~/etc/certs/tls.key`. */
export const certificateFileSecret = (files: {
  readonly chain: string;
  readonly key: string;
}): string => `${CERTIFICATE}${files.chain}~${files.key}`;

/** `file-root:/etc/certs/ca.crt`. */
export const rootFileSecret = (file: string): string => `${ROOTS}${file === '' ? SYSTEM : file}`;

const KUBERNETES = 'kubernetes://';
const ROOTS_OF_CREDENTIAL = '-cacert';

/** `kubernetes://front-tls`. */
export const credentialSecret = (name: string): string => `${KUBERNETES}${name}`;

/** `kubernetes://front-tls-cacert`: by what the clients of that server are checked. */
export const credentialRootsSecret = (name: string): string =>
  `${KUBERNETES}${name}${ROOTS_OF_CREDENTIAL}`;

/** The Secret that a `credentialName` means; undefined: none of the proxy's own namespace. */
export function credentialOf(credentialName: string): string | undefined {
  const name = credentialName.startsWith(KUBERNETES)
    ? credentialName.slice(KUBERNETES.length)
    : credentialName;
  return /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/.test(name) ? name : undefined;
}

/** undefined: the name is of another kind. */
export function parseFileSecret(name: string): FileSecret | undefined {
  if (name.startsWith(ROOTS)) {
    const file = name.slice(ROOTS.length);
    return file === '' ? undefined : { kind: 'roots', file: file === SYSTEM ? '' : file };
  }
  if (name.startsWith(KUBERNETES)) return parseCredential(name.slice(KUBERNETES.length));
  if (!name.startsWith(CERTIFICATE)) return undefined;
  const [chain = '', key = '', ...rest] = name.slice(CERTIFICATE.length).split('~');
  return chain === '' || key === '' || rest.length > 0
    ? undefined
    : { kind: 'certificate', chain, key };
}

function parseCredential(text: string): FileSecret | undefined {
  const isRoots = text.endsWith(ROOTS_OF_CREDENTIAL);
  const name = credentialOf(isRoots ? text.slice(0, -ROOTS_OF_CREDENTIAL.length) : text);
  if (name === undefined) return undefined;
  return { kind: isRoots ? 'credential-roots' : 'credential', name };
}
