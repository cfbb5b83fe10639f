// Role-based access control: what the bindings give a user, kept in step with every write.
import { DENIED } from '../auth/authorizer.ts';
import type { Attributes, Authorizer, Decision } from '../auth/authorizer.ts';
import { ruleCovers } from '../auth/rules.ts';
import type { PolicyRule } from '../auth/rules.ts';
import { usernameOf } from '../auth/service-account-token.ts';
import type { UserInfo } from '../auth/user.ts';
import type { Store } from '../store/store.ts';
import { bindingOf, rulesOf } from './rules-of.ts';
import type { Binding, Subject } from './rules-of.ts';

const GROUP = 'rbac.authorization.k8s.io';
const ROLES = [`roles.${GROUP}`, `clusterroles.${GROUP}`];
const BINDINGS = [`rolebindings.${GROUP}`, `clusterrolebindings.${GROUP}`];

export class RbacAuthorizer implements Authorizer {
  /** Rules by `namespace/name`; cluster roles have an empty namespace. */
  readonly #rules = new Map<string, readonly PolicyRule[]>();
  readonly #bindings = new Map<string, Binding>();
  readonly #unsubscribe: () => void;

  constructor(store: Store) {
    for (const resource of ROLES) {
      for (const role of store.list({ resource })) {
        this.#rules.set(keyOf(role.metadata), rulesOf(role));
      }
    }
    for (const resource of BINDINGS) {
      for (const object of store.list({ resource })) {
        this.#bindings.set(keyOf(object.metadata), bindingOf(object));
      }
    }
    this.#unsubscribe = store.subscribe(({ key, type, object }) => {
      const isGone = type === 'DELETED';
      if (ROLES.includes(key.resource)) {
        if (isGone) this.#rules.delete(keyOf(key));
        else this.#rules.set(keyOf(key), rulesOf(object));
      }
      if (BINDINGS.includes(key.resource)) {
        if (isGone) this.#bindings.delete(keyOf(key));
        else this.#bindings.set(keyOf(key), bindingOf(object));
      }
    });
  }

  authorize(attributes: Attributes): Decision {
    const namespace = attributes.isResource ? attributes.namespace : '';
    for (const { binding, rules } of this.#granted(attributes.user, namespace)) {
      if (!rules.some((rule) => ruleCovers(rule, attributes))) continue;
      const kind = binding.namespace === '' ? 'ClusterRoleBinding' : 'RoleBinding';
      const { role } = binding;
      const reason = `RBAC: allowed by ${kind} ${JSON.stringify(binding.name)} of ${role.kind} ${JSON.stringify(role.name)}`;
      return { isAllowed: true, reason };
    }
    return DENIED;
  }

  /** All that a user may do in a namespace; the empty one: what holds everywhere. */
  rulesFor(user: UserInfo, namespace: string): readonly PolicyRule[] {
    return [...this.#granted(user, namespace)].flatMap(({ rules }) => rules);
  }

  /** The rules that a role reference stands for in a namespace. */
  rulesOfRole({ role, namespace }: Pick<Binding, 'role' | 'namespace'>): readonly PolicyRule[] {
    const home = role.kind === 'Role' ? namespace : '';
    return this.#rules.get(`${home}/${role.name}`) ?? [];
  }

  close(): void {
    this.#unsubscribe();
  }

  *#granted(user: UserInfo, namespace: string) {
    for (const binding of this.#bindings.values()) {
      if (binding.namespace !== '' && binding.namespace !== namespace) continue;
      if (!binding.subjects.some((subject) => isMeant(subject, user))) continue;
      yield { binding, rules: this.rulesOfRole(binding) };
    }
  }
}

function keyOf({ namespace = '', name }: { readonly namespace?: string; readonly name: string }) {
  return `${namespace}/${name}`;
}

function isMeant({ kind, name, namespace }: Subject, user: UserInfo): boolean {
  switch (kind) {
    case 'User':
      return name === user.username || name === '*';
    case 'Group':
      return user.groups.includes(name);
    default:
      return user.username === usernameOf(namespace, name);
  }
}
