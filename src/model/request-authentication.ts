// Whose tokens a workload takes, and the keys to check them with. Keys that are only named by a URI
// are fetched outside of the model (`controlplane/jwks.ts`), which is told here what is wanted.
import type {
  JwksSource,
  JwtRule,
  RequestAuthentication,
} from '#istio/requestauthentication/request-authentication.ts';
import { membersOf } from './collection.ts';
import type { Collection } from './collection.ts';
import { equalData } from './equal.ts';
import type { Graph } from './graph.ts';
import type { Inputs } from './inputs.ts';
import { isFor } from './policy-attachment.ts';
import { compareText } from './services.ts';
import type { Workload } from './workload.ts';

export type RequestAuthentications = {
  /** Of all that are for the workload: the root namespace's first, then by name. */
  readonly jwtRules: (workload: Workload) => readonly JwtRule[];
  /** By URI: the key sets that anybody's rules name. */
  readonly jwksSources: Collection<JwksSource>;
  /** What was fetched from a URI; undefined: nothing (yet). */
  readonly jwksOf: (uri: string) => string | undefined;
  /** Takes in what was fetched; undefined: nothing could be. Nothing shows before a commit. */
  readonly setJwks: (uri: string, jwks: string | undefined) => void;
};

export function deriveRequestAuthentications(
  graph: Graph,
  { requestAuthentications, jwks }: Inputs,
  { rootNamespace }: { readonly rootNamespace: () => string },
): RequestAuthentications {
  const { name } = requestAuthentications;
  const byNamespace = graph.index(`${name} by namespace`, requestAuthentications, (policy) => [
    policy.namespace,
  ]);
  const ordered = graph.derive(`${name} in order`, byNamespace, (_, namespace) =>
    membersOf(byNamespace, namespace)
      .flatMap((key) => requestAuthentications.get(key) ?? [])
      .toSorted((a, b) => compareText(a.name, b.name)),
  );
  const byUri = graph.index(`${name} by URI of keys`, requestAuthentications, (policy) =>
    sourcesOf(policy).map(({ uri }) => uri),
  );
  const jwksSources = graph.derive(
    'key sets to fetch',
    byUri,
    (_, uri) =>
      membersOf(byUri, uri)
        .toSorted()
        .flatMap((key) => requestAuthentications.get(key) ?? [])
        .flatMap(sourcesOf)
        .find((source) => source.uri === uri),
    equalData,
  );
  return {
    jwtRules: (workload) => {
      const root = rootNamespace();
      const { namespace } = workload;
      return (namespace === root ? [root] : [root, namespace])
        .flatMap((name) => ordered.get(name) ?? [])
        .filter((policy) => isFor(policy, workload))
        .flatMap(({ rules }) => rules);
    },
    jwksSources,
    jwksOf: (uri) => jwks.get(uri),
    setJwks: (uri, text) => {
      if (text === undefined) jwks.delete(uri);
      else jwks.set(uri, text);
    },
  };
}

const sourcesOf = ({ rules }: RequestAuthentication): readonly JwksSource[] =>
  rules.flatMap(({ keys }) => (keys.kind === 'remote' ? keys.source : []));
