// Resources that are not stored objects: questions to the server, and subresources with a meaning
// of their own.
import type { UserInfo } from '../auth/user.ts';
import type { ServedKind } from '../kinds/kind.ts';
import type { Json, JsonObject } from '../object.ts';
import type { Backend, WriteOptions } from '../registry/scope.ts';
import type { ApiRequest, ApiResponse } from './message.ts';
import type { ResourceInfo } from './request-info.ts';

export type SpecialContext = {
  readonly backend: Backend;
  readonly user: UserInfo;
  readonly info: ResourceInfo;
  readonly request: ApiRequest;
  readonly options: WriteOptions;
  readonly warn: (text: string) => void;
};

/** A question: `POST` answers it, and nothing is kept. */
export type Review = {
  readonly served: ServedKind;
  /** @param question the decoded object @returns it with its status. @throws StatusError */
  readonly answer: (question: JsonObject, context: SpecialContext) => JsonObject;
};

/** A subresource that is neither the object's status nor its scale. */
export type Subresource = {
  /** Of which resource: `pods`, `deployments.apps`. */
  readonly parent: string;
  readonly name: string;
  /** For discovery: the type of what is sent and answered. */
  readonly kind: string;
  readonly group: string;
  readonly version: string;
  readonly verbs: readonly string[];
  /** @throws StatusError */
  readonly handle: (
    context: SpecialContext,
    body: () => Json,
  ) => ApiResponse | Promise<ApiResponse>;
};
