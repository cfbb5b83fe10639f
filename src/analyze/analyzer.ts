// One thing that is looked for: a name, the codes it can find, and a pure function.
import type { Message, MessageKind } from './message.ts';
import type { Snapshot } from './snapshot.ts';

export type Analyzer = {
  /** As in Istio, where Istio has it. */
  readonly name: string;
  readonly description: string;
  readonly finds: readonly MessageKind[];
  readonly run: (snapshot: Snapshot) => Iterable<Message>;
};
