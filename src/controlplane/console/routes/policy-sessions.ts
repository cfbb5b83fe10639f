// The choice to end open sessions with a write of a policy: who may make it, and for whom it is.
import type { PolicyReference } from '#api/policies.ts';
import type { KubeObject } from '#kube/objects.ts';
import { presentPolicy, type DeskParts } from '../../policies/desk.ts';
import { targetsOf } from '../../policies/targets.ts';
import { ApiRefusal, badRequest, type ApiCall } from '../route.ts';

const END = { verb: 'create', resource: 'proxies/sessions' } as const;
/** Beyond so many namespaces the right is asked for everywhere. */
const NAMESPACES_MAX = 20;

/**
 * Before anything is written.
 *
 * @returns keys of the workloads that the policy is for, as it was or as it will be
 * @throws ApiRefusal 400 for what is not enforced, 403
 */
export async function mayEndSessions(
  parts: DeskParts,
  call: ApiCall,
  { ref, object }: { readonly ref: PolicyReference; readonly object: KubeObject | undefined },
): Promise<ReadonlySet<string>> {
  if (call.query.get('mode') === 'shadow') {
    throw badRequest(
      'a shadow refuses nobody, and ends no sessions',
      'apply it without that choice',
    );
  }
  const before = await presentPolicy(parts, ref, call.user);
  const forms = [before, object].filter((form) => form !== undefined);
  const governed = forms.flatMap((form) => targetsOf(parts.mesh, { ...form, kind: ref.kind }));
  const namespaces = [...new Set([ref.namespace, ...governed.map(({ namespace }) => namespace)])];
  const asked = namespaces.length > NAMESPACES_MAX ? [''] : namespaces;
  for (const namespace of asked) {
    if (!(await call.may(END, namespace))) throw forbidden(call, namespace);
  }
  return new Set(governed.map(({ key }) => key));
}

const forbidden = ({ user }: ApiCall, namespace: string): ApiRefusal =>
  new ApiRefusal(403, {
    code: 'forbidden',
    message:
      `${user.username} may not create proxies/sessions of isthmus.dev` +
      (namespace === '' ? '' : ` in ${namespace}`),
    remedy: `bind the ClusterRole isthmus-editor to ${user.username}, or leave sessions open`,
  });
