// What visitors are told: where the lab's doors are, and what to type in another terminal. Pure.
import type { DoorName } from '#lab/story/visitors.ts';
import { DEFAULT_ISTHMUSD } from '../common-flags.ts';
import type { Invitation } from './view.ts';

/** Where each door is looked for first. */
export const PORTS: Readonly<Record<DoorName, number>> = {
  library: 8080,
  api: 6443,
  isthmusd: Number(new URL(DEFAULT_ISTHMUSD).port),
};

/** Each works as it stands, for whoever runs the demo. */
const COMMANDS: readonly string[] = [
  'kubectl get pods -n library',
  'kubectl logs -n library deploy/inventory -f',
  'kubectl exec -n library deploy/inventory -- psql -c "SELECT count(*) FROM books"',
  'isthmus proxy-status',
  'isthmus proxy-config clusters inventory.library',
  'isthmus tls-check inventory.library postgresql-1-vm.default',
];

/** @param settings the shell's lines for kubectl and isthmus */
export function planInvitation(
  ports: Readonly<Record<DoorName, number>>,
  settings: readonly string[],
): Invitation {
  const isElsewhere = ports.isthmusd !== PORTS.isthmusd;
  const isthmusd = `export ISTHMUSD=http://127.0.0.1:${ports.isthmusd}`;
  return {
    url: `http://127.0.0.1:${ports.library}/`,
    remarks: ports.library === PORTS.library ? [] : [`port ${PORTS.library} is taken`],
    settings: isElsewhere ? [...settings, isthmusd] : settings,
    commands: COMMANDS,
  };
}
