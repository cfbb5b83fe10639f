// The injector's own settings, as Istio's installation keeps them: ConfigMap istio-sidecar-injector,
// key `values`, JSON.
import { fieldsOf, textAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { Resource } from './resource.ts';

const NAME = 'istio-sidecar-injector';

export const injectorName = (revision: string): string =>
  revision === '' || revision === 'default' ? NAME : `${NAME}-${revision}`;

export const isInjectorSettings = ({ name }: Resource): boolean => name.startsWith(NAME);

/** No fields where the ConfigMap holds no JSON object. */
export function injectorValues({ object }: Resource): Fields {
  try {
    return fieldsOf(JSON.parse(textAt(fieldsOf(object['data']), 'values')));
  } catch {
    return {};
  }
}
