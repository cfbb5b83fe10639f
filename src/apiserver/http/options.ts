// The options of writes, from the query and, for DELETE, from the body.
import type { Json } from '../object.ts';
import { isJsonList, isJsonObject, numberAt, objectAt, stringAt } from '../object.ts';
import { numberOption } from '../registry/list-options.ts';
import type { DeleteOptions, PropagationPolicy } from '../registry/remove.ts';
import type { FieldValidation, WriteOptions } from '../registry/scope.ts';
import { badRequest, invalidObject } from '../status.ts';
import { notSupported } from '../violation.ts';
import type { ApiRequest } from './message.ts';

const VALIDATIONS: readonly FieldValidation[] = ['Ignore', 'Warn', 'Strict'];
const POLICIES: readonly PropagationPolicy[] = ['Background', 'Foreground', 'Orphan'];
const FIELD_MANAGER_LENGTH_MAX = 128;

/** @throws StatusError */
export function writeOptions({ query, headers }: ApiRequest): WriteOptions {
  const text = query.get('fieldValidation') ?? '';
  const fieldValidation = text === '' ? 'Warn' : VALIDATIONS.find((one) => one === text);
  if (!fieldValidation) {
    throw invalidObject({ group: 'meta.k8s.io', kind: 'CreateOptions' }, '', [
      notSupported('fieldValidation', text, VALIDATIONS),
    ]);
  }
  return {
    isDryRun: isDryRun(query.getAll('dryRun')),
    fieldValidation,
    fieldManager: fieldManagerOf(query.get('fieldManager') ?? '', headers['user-agent'] ?? ''),
  };
}

function isDryRun(values: readonly string[]): boolean {
  const wrong = values.find((value) => value !== 'All' && value !== '');
  if (wrong !== undefined) {
    throw invalidObject({ group: 'meta.k8s.io', kind: 'CreateOptions' }, '', [
      notSupported('dryRun', wrong, ['All']),
    ]);
  }
  return values.includes('All');
}

/** Without a name of its own, a client is known by its program: the user agent before the slash. */
function fieldManagerOf(named: string, userAgent: string): string {
  const name = named === '' ? (userAgent.split('/')[0] ?? '') : named;
  if (name.length > FIELD_MANAGER_LENGTH_MAX) {
    throw badRequest(`fieldManager: may not be more than ${FIELD_MANAGER_LENGTH_MAX} bytes`);
  }
  return name === '' ? 'unknown' : name;
}

/**
 * @param body `DeleteOptions`, or null when there was none
 * @throws StatusError
 */
export function deleteOptions(
  query: URLSearchParams,
  body: Json,
): DeleteOptions & { readonly isDryRun: boolean } {
  const options = isJsonObject(body) ? body : {};
  const preconditions = objectAt(options, 'preconditions');
  const policy = stringAt(options, 'propagationPolicy') || (query.get('propagationPolicy') ?? '');
  const orphans = options['orphanDependents'] === true || query.get('orphanDependents') === 'true';
  const propagation = policy === '' ? 'Background' : POLICIES.find((one) => one === policy);
  if (!propagation) {
    throw invalidObject({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', [
      notSupported('propagationPolicy', policy, [...POLICIES, '']),
    ]);
  }
  const dryRun = isJsonList(options['dryRun']) ? options['dryRun'] : [];
  const seconds =
    numberAt(options, 'gracePeriodSeconds') ?? numberOption(query, 'gracePeriodSeconds');
  return {
    gracePeriodSeconds: seconds === undefined ? undefined : Math.max(0, Math.floor(seconds)),
    uid: stringAt(preconditions, 'uid') || undefined,
    resourceVersion: stringAt(preconditions, 'resourceVersion') || undefined,
    propagation: orphans ? 'Orphan' : propagation,
    isDryRun: isDryRun([
      ...query.getAll('dryRun'),
      ...dryRun.filter((one) => typeof one === 'string'),
    ]),
  };
}
