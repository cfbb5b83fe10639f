// In whose name isthmusd acts: that of whoever is signed in at the console, to write what they
// write and to undo it. Never in the name of what Kubernetes itself is made of. Its ClusterRole
// cannot say so (RBAC knows no exceptions), so this does, for every request alike.
import type { KubeClient } from '#kube/client.ts';
import { KubeStatusError } from '#kube/status.ts';
import type { KubeUser } from '#kube/user.ts';

export type ActingRules = {
  /** The groups that are taken along; undefined: all. For a role that allows these only. */
  readonly groups: ReadonlySet<string> | undefined;
};

export type Acting =
  /** The user as they count in what is done for them: some groups may be missing. */
  { readonly ok: true; readonly user: KubeUser } | { readonly ok: false; readonly problem: string };

const OWN = 'system:';
/** Every user's, and every service account's: the API server adds them by itself. */
const COMMON = /^system:(authenticated|serviceaccounts(:[^:]+)?)$/;
const ACCOUNT = /^system:serviceaccount:[^:]+:[^:]+$/;

export function actingAs(user: KubeUser, { groups: allowed }: ActingRules): Acting {
  const { username } = user;
  if (username === '' || (username.startsWith(OWN) && !ACCOUNT.test(username))) {
    return { ok: false, problem: `isthmusd writes nothing in the name of ${username || 'nobody'}` };
  }
  const own = user.groups.filter((group) => !COMMON.test(group));
  const high = own.find((group) => group.startsWith(OWN));
  if (high !== undefined) {
    return { ok: false, problem: `isthmusd writes nothing in the name of members of ${high}` };
  }
  const groups = user.groups.filter((group) => COMMON.test(group) || (allowed?.has(group) ?? true));
  return { ok: true, user: { ...user, groups } };
}

/** A client that acts within the rules. Its `as` throws KubeStatusError Forbidden otherwise. */
export function actingWithin(client: KubeClient, rules: ActingRules): KubeClient {
  return {
    ...client,
    as: (user) => {
      const acting = actingAs(user, rules);
      if (!acting.ok) {
        const details = { causes: [], retryAfterSeconds: undefined };
        const { problem: message } = acting;
        throw new KubeStatusError({ code: 403, reason: 'Forbidden', message, details });
      }
      const groups = acting.user.groups.filter((group) => !COMMON.test(group));
      return client.as({ ...acting.user, groups });
    },
  };
}
