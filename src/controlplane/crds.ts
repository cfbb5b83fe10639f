// Istio's kinds, made known to the Kubernetes API: without them a list of ServiceEntries is a 404.
import type { Logger } from '#base/log.ts';
import { customResourceDefinition, type Kind } from '#istio/kind.ts';
import type { KubeClient } from '#kube/client.ts';
import { isRecord, type KubeObject } from '#kube/objects.ts';
import type { ResourceType } from '#kube/resources.ts';
import { isAlreadyExists, isConflict } from '#kube/status.ts';

const CUSTOM_RESOURCE_DEFINITION: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

/** Replicas that start together meet here: each lost race is read again, a few times at most. */
const ATTEMPTS_MAX = 5;
/** Which form of its definition was written, so that an equal one is not written again. */
const CONTENT_ANNOTATION = 'isthmus.dev/content-hash';
/** What the API server takes for a name from the user agent of our client. */
const FIELD_MANAGER = 'isthmus';

/**
 * Creates each kind's definition, or brings it to this form when somebody else's, older one stands.
 * Definitions that another product owns are left alone: those without our annotation, which are
 * Istio's, and those that somebody has written over ours, such as the Gateway API's own.
 */
export async function installKinds(
  client: KubeClient,
  kinds: readonly Kind<unknown>[],
  options: { readonly hash: (text: string) => string; readonly log: Logger },
): Promise<void> {
  for (const kind of kinds) {
    const definition = customResourceDefinition(kind);
    const content = options.hash(JSON.stringify(definition.spec));
    await install(client, annotated(definition, content), content, options.log);
  }
}

function annotated(definition: KubeObject, content: string): KubeObject {
  const { metadata } = definition;
  const annotations = { ...metadata.annotations, [CONTENT_ANNOTATION]: content };
  return { ...definition, metadata: { ...metadata, annotations } };
}

async function install(
  client: KubeClient,
  definition: KubeObject,
  content: string,
  log: Logger,
): Promise<void> {
  const { name } = definition.metadata;
  for (let attempt = 1; ; attempt++) {
    try {
      await client.create(CUSTOM_RESOURCE_DEFINITION, definition);
      log.info('kind made known', { name });
      return;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    const present = await client.get(CUSTOM_RESOURCE_DEFINITION, { name });
    const hash = present.metadata.annotations?.[CONTENT_ANNOTATION];
    if (hash === content || hash === undefined) return;
    if (othersWrote(present)) {
      log.info('kind left as somebody else defines it', { name });
      return;
    }
    const { resourceVersion } = present.metadata;
    const metadata = { ...definition.metadata, ...(resourceVersion && { resourceVersion }) };
    try {
      await client.update(CUSTOM_RESOURCE_DEFINITION, { ...definition, metadata });
      log.info('kind brought up to date', { name });
      return;
    } catch (error) {
      if (!isConflict(error) || attempt >= ATTEMPTS_MAX) throw error;
    }
  }
}

/** Has anybody but us set a part of what is specified? */
function othersWrote({ metadata }: KubeObject): boolean {
  const managers = 'managedFields' in metadata ? metadata.managedFields : undefined;
  if (!Array.isArray(managers)) return false;
  return managers.some(
    (entry: unknown) =>
      isRecord(entry) &&
      entry['manager'] !== FIELD_MANAGER &&
      isRecord(entry['fieldsV1']) &&
      'f:spec' in entry['fieldsV1'],
  );
}
