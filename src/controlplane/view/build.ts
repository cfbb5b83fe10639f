// The view of a control plane: what it is made from, and by what it is moved.
import type { Logger } from '#base/log.ts';
import type { ControlPlane } from '../build.ts';
import { trustReport } from '../identity/report.ts';
import { certificateView } from './certificates.ts';
import { MeshView } from './mesh-view.ts';
import type { PolicyChanges } from './policy-changes.ts';

export function buildView(
  parts: Pick<ControlPlane, 'mesh' | 'xds' | 'agents' | 'flows' | 'past' | 'clock'> &
    Pick<ControlPlane, 'certificates' | 'authority' | 'joins' | 'ingest'> & {
      readonly log: Logger;
    },
  edits: PolicyChanges,
): MeshView {
  const { certificates, authority, ingest, mesh, past } = parts;
  const view = new MeshView({
    ...parts,
    log: parts.log.with({ part: 'view' }),
    certificateOf: (instance) => {
      const seen = certificates.get(instance);
      return seen && certificateView(seen, authority.current());
    },
    joins: () => parts.joins.list(),
  });
  certificates.onSeen(() => view.touch());
  parts.joins.onChange((join) => {
    view.publish({ type: 'join.step', join });
    view.touch();
  });
  const noteTrust = (): void => {
    const value = trustReport(authority.current(), mesh.config());
    past.take([{ key: 'trust', value }]);
  };
  authority.subscribe(noteTrust);
  // Before, it would be half a mesh; and policies that were there before are no changes.
  void ingest.synced.then(() => {
    view.beginPast();
    noteTrust();
    edits.onChange = (policy) => view.publish({ type: 'policy.upsert', policy });
  });
  return view;
}
