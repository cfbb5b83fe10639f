// Who may ask a node: whoever may ask for anything of anybody, and the API server. Pure.
// The certificate itself has been checked against the cluster's authority by then.

/** Kubernetes' name for an API server towards its kubelets, and that of its own certificate. */
const API_SERVER_NAMES = new Set(['kube-apiserver-kubelet-client', 'kube-apiserver']);
/** Kubernetes' own, and who may everything by RBAC on the embedded API server. */
const ADMINISTRATORS = new Set(['system:masters', 'isthmus:cluster-admins']);

/** A peer's certificate; its fields are missing when it has none, lists when it has several. */
export type PeerCertificate = {
  readonly subject?: {
    readonly CN?: string | readonly string[];
    readonly O?: string | readonly string[];
  };
};

export function isAllowed({ subject }: PeerCertificate): boolean {
  const names = textsOf(subject?.CN);
  const groups = textsOf(subject?.O);
  return (
    groups.some((group) => ADMINISTRATORS.has(group)) ||
    names.some((name) => API_SERVER_NAMES.has(name))
  );
}

const textsOf = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value;
