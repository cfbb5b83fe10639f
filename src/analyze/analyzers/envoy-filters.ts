// Patches of EnvoyFilters that do nothing, or may do nothing depending on the order.
import { fieldsOf, numberAt, objectsAt, textAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { message, messageType } from '../message.ts';
import type { MessageType } from '../message.ts';
import { at, ENVOY_FILTER } from '../resource.ts';
import { specOf } from '../selectors.ts';

const relativeOperation = messageType({
  code: 'IST0151',
  name: 'EnvoyFilterUsesRelativeOperation',
  level: 'Warning',
  says: () =>
    'This EnvoyFilter does not have a priority and has a relative patch operation set which ' +
    'can cause the EnvoyFilter not to be applied. Using the INSERT_FIRST of ADD option or ' +
    'setting the priority may help in ensuring the EnvoyFilter is applied correctly.',
});

const wrongReplace = messageType({
  code: 'IST0152',
  name: 'EnvoyFilterUsesReplaceOperationIncorrectly',
  level: 'Error',
  says: () => 'The REPLACE operation is only valid for HTTP_FILTER and NETWORK_FILTER.',
});

const wrongAdd = messageType({
  code: 'IST0153',
  name: 'EnvoyFilterUsesAddOperationIncorrectly',
  level: 'Error',
  says: () =>
    'The ADD operation will be ignored when applyTo is set to ROUTE_CONFIGURATION, or ' +
    'HTTP_ROUTE.',
});

const wrongRemove = messageType({
  code: 'IST0154',
  name: 'EnvoyFilterUsesRemoveOperationIncorrectly',
  level: 'Error',
  says: () =>
    'The REMOVE operation will be ignored when applyTo is set to ROUTE_CONFIGURATION, or ' +
    'HTTP_ROUTE.',
});

const relativeOperationOfVersion = messageType({
  code: 'IST0155',
  name: 'EnvoyFilterUsesRelativeOperationWithProxyVersion',
  level: 'Warning',
  says: () =>
    'This EnvoyFilter does not have a priority and has a relative patch operation ' +
    '(NSTERT_BEFORE/AFTER, REPLACE, MERGE, DELETE) and proxyVersion set which can cause the ' +
    'EnvoyFilter not to be applied during an upgrade. Using the INSERT_FIRST or ADD option or ' +
    'setting the priority may help in ensuring the EnvoyFilter is applied correctly.',
});

export const envoyFilters: Analyzer = {
  name: 'envoyfilter.EnvoyPatchAnalyzer',
  description: 'Checks an envoyFilters ',
  finds: [relativeOperation, wrongReplace, wrongAdd, wrongRemove, relativeOperationOfVersion],
  *run(snapshot) {
    /** Names that earlier patches are about for some versions of the proxy only. */
    const versioned = new Set<string>();
    for (const filter of snapshot.of(ENVOY_FILTER)) {
      const hasPriority = (numberAt(specOf(filter), 'priority') ?? 0) !== 0;
      for (const [index, patch] of objectsAt(specOf(filter), 'configPatches').entries()) {
        const operation = fieldsOf(patch['patch']);
        if (patch['patch'] === undefined) break;
        const name = patchedName(patch);
        const problem = problemOf(textAt(operation, 'operation'), textAt(patch, 'applyTo'));
        const place = at(filter, 'spec', 'configPatches', index, 'patch', 'value');
        if (problem === 'relative' && !hasPriority) {
          const isVersioned = versioned.has(name);
          yield message(isVersioned ? relativeOperationOfVersion : relativeOperation, place);
        } else if (problem !== undefined && problem !== 'relative') {
          yield message(problem, place);
        }
        const version = textAt(fieldsOf(patch['match'], 'proxy'), 'proxyVersion');
        if (version !== '') versioned.add(name);
      }
    }
  },
};

/** What the patch is about: by its value's name, or else by the filter that it looks for. */
function patchedName(patch: Fields): string {
  const value = fieldsOf(patch['patch'])['value'];
  if (value === undefined) return '';
  const name = textAt(fieldsOf(value), 'name');
  return name || textAt(fieldsOf(patch['match'], 'listener', 'filterChain', 'filter'), 'name');
}

const WITHOUT_LIST = new Set(['ROUTE_CONFIGURATION', 'HTTP_ROUTE']);
const REPLACEABLE = new Set(['NETWORK_FILTER', 'HTTP_FILTER', 'VIRTUAL_HOST']);

/** `relative`: it depends on what is there already. */
function problemOf(operation: string, applyTo: string): MessageType<[]> | 'relative' | undefined {
  switch (operation) {
    case 'ADD':
      return WITHOUT_LIST.has(applyTo) ? wrongAdd : undefined;
    case 'REMOVE':
      return WITHOUT_LIST.has(applyTo) ? wrongRemove : 'relative';
    case 'REPLACE':
      return REPLACEABLE.has(applyTo) ? 'relative' : wrongReplace;
    case 'INSERT_BEFORE':
    case 'INSERT_AFTER':
      return 'relative';
    default:
      return undefined;
  }
}
