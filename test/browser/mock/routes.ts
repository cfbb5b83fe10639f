// How the mock answers: by routes, one file of them for each topic. A test can put its own answer
// before them.
import type { IncomingMessage } from 'node:http';
import type { MeshEvent } from '#api/events.ts';
import type { Session } from '#api/session.ts';
import type { MockMesh } from './mesh.ts';

export type MockCall = {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Parsed JSON; undefined: there was none. */
  readonly body: unknown;
  readonly headers: IncomingMessage['headers'];
  readonly mesh: MockMesh;
  readonly session: Session;
  readonly nowMs: number;
  /** What routes remember between calls, by topic; it lives as long as the server. */
  readonly memory: Map<string, unknown>;
  /** Sends an event to everybody. */
  readonly emit: (event: MeshEvent) => void;
};

export type MockAnswer = {
  /** 200 when absent. */
  readonly status?: number;
  readonly json?: unknown;
  /** For what is not JSON. */
  readonly text?: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Server-sent events: all of them at once, then the stream stays open. */
  readonly events?: readonly { readonly event?: string; readonly data: unknown }[];
  /** Server-sent events as they come: called once with what sends one. */
  readonly stream?: (send: (event: string, data: unknown) => void) => void;
};

export type MockRoute = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `/api/v1/workloads/:namespace/:name/proxy` */
  readonly path: string;
  readonly handle: (call: MockCall) => MockAnswer;
};

export function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? '';
    if (part.startsWith(':')) params[part.slice(1)] = decodeURIComponent(value);
    else if (part !== value) return undefined;
  }
  return params;
}

export const problem = (status: number, code: string, message: string): MockAnswer => ({
  status,
  json: { code, message, remedy: '' },
});
