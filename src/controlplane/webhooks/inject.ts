// Injection as the API server asks for it.
import { fieldsOf } from '#kube/fields.ts';
import type { Logger } from '#base/log.ts';
import { assertNever } from '#base/assert-never.ts';
import type { AdmissionRequest, Verdict } from './admission-review.ts';
import { diffJson } from './json-patch.ts';
import { planInjection, type InjectionSettings } from './plan-injection.ts';

const FORBIDDEN = 403;

export function inject(
  { object, namespace, name }: AdmissionRequest,
  settings: InjectionSettings,
  log: Logger,
): Verdict {
  if (!object) return { isAllowed: true };
  const plan = planInjection(object, { name: namespace }, settings);
  const pod = podName(object, name);
  switch (plan.kind) {
    case 'injected':
      log.info('sidecar injected', { namespace, pod });
      return { isAllowed: true, patch: diffJson(object, plan.pod), warnings: plan.warnings };
    case 'skipped':
      log.info('no sidecar injected', { namespace, pod, reason: plan.reason });
      return { isAllowed: true, ...(plan.warning !== undefined && { warnings: [plan.warning] }) };
    case 'refused':
      log.warn('Pod refused', { namespace, pod, reason: plan.message });
      return { isAllowed: false, code: FORBIDDEN, message: plan.message };
    default:
      return assertNever(plan);
  }
}

function podName(object: Readonly<Record<string, unknown>>, name: string): string {
  const { generateName } = fieldsOf(object, 'metadata');
  return name === '' && typeof generateName === 'string' ? `${generateName}*` : name;
}
