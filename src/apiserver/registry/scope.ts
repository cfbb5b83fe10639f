// What every operation on stored objects is given: the parts of the server it works on, and who
// asks for what.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Admission } from '../admission/admission.ts';
import type { UserInfo } from '../auth/user.ts';
import type { ServedKind } from '../kinds/kind.ts';
import type { KindRegistry } from '../kinds/kind-registry.ts';
import type { Store } from '../store/store.ts';

/** The parts of the server that operations share. */
export type Backend = {
  readonly store: Store;
  readonly kinds: KindRegistry;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly log: Logger;
  /** Cryptographically strong bytes. */
  readonly randomBytes: (size: number) => Uint8Array;
};

/** What happens to fields that the kind does not have. */
export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export type WriteOptions = {
  /** Everything happens but the write. */
  readonly isDryRun: boolean;
  readonly fieldValidation: FieldValidation;
  /** Under which name changes are recorded in managedFields. */
  readonly fieldManager: string;
};

/** One request on one resource. */
export type Scope = {
  readonly backend: Backend;
  readonly served: ServedKind;
  /** Empty for cluster-scoped kinds, and for requests over all namespaces. */
  readonly namespace: string;
  /** Empty, or `status`, `scale` … */
  readonly subresource: string;
  readonly user: UserInfo;
  readonly options: WriteOptions;
  /** Adds a `Warning` header to the answer, which kubectl prints. */
  readonly warn: (text: string) => void;
};
