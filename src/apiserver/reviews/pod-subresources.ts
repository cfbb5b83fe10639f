// What is done to a pod through a name of its own: putting it on a node, and asking it to leave.
import { jsonResponse } from '../http/message.ts';
import type { ApiResponse } from '../http/message.ts';
import { deleteOptions } from '../http/options.ts';
import type { SpecialContext, Subresource } from '../http/special.ts';
import { scopeFor } from '../controllers/objects.ts';
import type { Json, JsonObject } from '../object.ts';
import { draftOf, isJsonObject, objectAt, objectsAt, stringAt } from '../object.ts';
import { timestamp } from '../registry/names.ts';
import { deleteObject } from '../registry/remove.ts';
import type { Scope } from '../registry/scope.ts';
import { updateObject } from '../registry/update.ts';
import { badRequest, conflict } from '../status.ts';

const SCHEDULED = 'PodScheduled';
const PODS = { group: '', plural: 'pods' };

/** @param subresource what is written to beside the Pod's main part */
function podScope(context: SpecialContext, subresource: '' | 'binding'): Scope {
  const { backend, info, user, options, warn } = context;
  const { namespace } = info;
  const scope = scopeFor(backend, { resource: 'pods', namespace, subresource }, '');
  return { ...scope, user, options, warn };
}

function success(): ApiResponse {
  return jsonResponse(201, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    code: 201,
  });
}

/** `POST pods/NAME/binding`: the scheduler's decision. */
export const podBinding: Subresource = {
  parent: 'pods',
  name: 'binding',
  kind: 'Binding',
  group: '',
  version: 'v1',
  verbs: ['create'],
  async handle(context, body) {
    const node = targetOf(body());
    const { name } = context.info;
    await updateObject(podScope(context, 'binding'), name, (pod) => {
      const spec = objectAt(pod, 'spec');
      const present = stringAt(spec, 'nodeName');
      if (present !== '' && present !== node) {
        const why = `pod ${name} is already assigned to node ${JSON.stringify(present)}`;
        throw conflict(PODS, name, why);
      }
      const nowText = timestamp(context.backend.clock.nowMs());
      const status = scheduled(objectAt(pod, 'status'), nowText);
      return { ...draftOf(pod), spec: { ...spec, nodeName: node }, status };
    });
    return success();
  },
};

/** The status, with the condition that a node has been found. */
function scheduled(status: JsonObject, lastTransitionTime: string): JsonObject {
  const others = objectsAt(status, 'conditions').filter(({ type }) => type !== SCHEDULED);
  const found = { type: SCHEDULED, status: 'True', lastProbeTime: null, lastTransitionTime };
  return { ...status, conditions: [...others, found] };
}

function targetOf(body: Json): string {
  const node = isJsonObject(body) ? stringAt(objectAt(body, 'target'), 'name') : '';
  if (node === '') throw badRequest('target.name: Required value');
  return node;
}

/** `POST pods/NAME/eviction`: a deletion that asks. There are no disruption budgets here. */
export const podEviction: Subresource = {
  parent: 'pods',
  name: 'eviction',
  kind: 'Eviction',
  group: 'policy',
  version: 'v1',
  verbs: ['create'],
  async handle(context, body) {
    const eviction = body();
    const given = isJsonObject(eviction) ? objectAt(eviction, 'deleteOptions') : {};
    const { isDryRun, ...options } = deleteOptions(new URLSearchParams(), given);
    const scope = podScope(context, '');
    const asked = { ...scope.options, isDryRun: scope.options.isDryRun || isDryRun };
    await deleteObject({ ...scope, options: asked }, context.info.name, options);
    return success();
  },
};
