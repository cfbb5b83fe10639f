// Carries out a plan on the Kubernetes API, and puts into words what was done.
import { assertNever } from '#base/assert-never.ts';
import type { KubeClient } from '#kube/client.ts';
import type { ResourceType } from '#kube/resources.ts';
import { isAlreadyExists, isConflict, isNotFound } from '#kube/status.ts';
import type { Action } from './plan.ts';

/** In `metadata.managedFields` of what was made or changed. */
const FIELD_MANAGER = 'isthmus-register';
/** Somebody who changes the same objects at the same time is met again this often. */
const ATTEMPTS_MAX = 3;

type Writer = Pick<KubeClient, 'create' | 'patch' | 'remove'>;

/**
 * Plans and carries out, in order; when somebody else was faster, plans again.
 *
 * @returns what was done, for each action
 */
export async function carryOut(
  client: Writer,
  plan: () => Promise<readonly Action[]>,
  signal: AbortSignal,
): Promise<readonly Action[]> {
  const done = new Map<string, Action>();
  for (let attempt = 1; ; attempt += 1) {
    try {
      for (const action of await plan()) {
        await perform(client, action, signal);
        const key = keyOf(action);
        // what an earlier attempt has done is not undone by finding it so
        if (action.verb !== 'keep' || !done.has(key)) done.set(key, action);
      }
      return [...done.values()];
    } catch (error) {
      const isRace = isConflict(error) || isAlreadyExists(error);
      if (!isRace || attempt >= ATTEMPTS_MAX) throw error;
    }
  }
}

async function perform(client: Writer, action: Action, signal: AbortSignal): Promise<void> {
  switch (action.verb) {
    case 'create':
      await client.create(action.type, action.object, { fieldManager: FIELD_MANAGER, signal });
      return;
    case 'change': {
      const options = { kind: 'merge', fieldManager: FIELD_MANAGER, signal } as const;
      await client.patch(action.type, action.object.metadata, action.patch, options);
      return;
    }
    case 'remove': {
      const { metadata } = action.object;
      const preconditions = metadata.uid === undefined ? {} : { uid: metadata.uid };
      await client.remove(action.type, metadata, { preconditions, signal }).catch((error) => {
        if (!isNotFound(error)) throw error; // gone already: by its owner, or by somebody else
      });
      return;
    }
    case 'keep':
      return;
    default:
      assertNever(action);
  }
}

/** As kubectl says it: `service/postgresql-1-vm created`. */
export function renderAction(action: Action): string {
  return `${keyOf(action)} ${outcome(action)}`;
}

function outcome(action: Action): string {
  switch (action.verb) {
    case 'create':
      return 'created';
    case 'change':
      return 'configured';
    case 'remove':
      return 'deleted';
    case 'keep':
      return action.why;
    default:
      return assertNever(action);
  }
}

function keyOf(action: Action): string {
  const name = action.verb === 'keep' ? action.name : action.object.metadata.name;
  return `${singularName(action.type)}/${name}`;
}

const singularName = ({ group, kind }: ResourceType): string =>
  group === '' ? kind.toLowerCase() : `${kind.toLowerCase()}.${group}`;
