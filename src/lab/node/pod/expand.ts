// `$(NAME)` in commands, arguments and values, by Kubernetes' rules: `$$` is a dollar sign, and a
// name that means nothing stays as it is written.
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#environment-variables

export type Variables = Readonly<Record<string, string>>;

const REFERENCE = /\$\$|\$\(([^)]*)\)/g;

export function expand(text: string, variables: Variables): string {
  return text.replaceAll(REFERENCE, (whole: string, name: string | undefined) => {
    if (name === undefined) return '$';
    return Object.hasOwn(variables, name) ? (variables[name] ?? '') : whole;
  });
}
