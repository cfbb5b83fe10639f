// Namespaces that the server itself cannot do without are not deleted, whoever asks.
import { forbiddenFor } from '../status.ts';
import type { Admission } from './admission.ts';

const IMMORTAL: ReadonlySet<string> = new Set(['default', 'kube-public', 'kube-system']);

export const immortalNamespaces: Admission = {
  mutate: () => Promise.resolve(),
  validate({ scope, operation, name }) {
    const { kind } = scope.served;
    const isNamespace = kind.group === '' && kind.plural === 'namespaces';
    if (operation !== 'DELETE' || !isNamespace || !IMMORTAL.has(name)) return Promise.resolve();
    return Promise.reject(forbiddenFor(kind, name, 'this namespace may not be deleted'));
  },
};
