// What visitors are told: where the lab's doors are, and what to type in another terminal. Pure.
import type { DoorName } from '#lab/story/visitors.ts';
import { consoleLink } from '../console-link.ts';
import { DEFAULT_ISTHMUSD } from '../common-flags.ts';
import type { Invitation } from './view.ts';

/** Where each door is looked for first. */
export const PORTS: Readonly<Record<DoorName, number>> = {
  library: 8080,
  api: 6443,
  isthmusd: Number(new URL(DEFAULT_ISTHMUSD).port),
  console: 8081,
};

/** Each works as it stands, for whoever runs the demo. */
const COMMANDS: readonly string[] = [
  'kubectl get pods -n library',
  'kubectl logs -n library deploy/inventory -f',
  'kubectl exec -n library deploy/inventory -- psql -c "SELECT count(*) FROM books"',
  'isthmus top',
  'isthmus dashboard',
  'isthmus proxy-status',
  'isthmus proxy-config clusters inventory.library',
  'isthmus tls-check inventory.library postgresql-1-vm.default',
];

/**
 * @param options.settings the shell's lines for kubectl and isthmus
 * @param options.code that signs in at the console once
 */
export function planInvitation(
  ports: Readonly<Record<DoorName, number>>,
  { settings, code }: { readonly settings: readonly string[]; readonly code: string },
): Invitation {
  const isElsewhere = ports.isthmusd !== PORTS.isthmusd;
  const isthmusd = `export ISTHMUSD=http://127.0.0.1:${ports.isthmusd}`;
  const console = `http://127.0.0.1:${ports.console}`;
  return {
    url: `http://127.0.0.1:${ports.library}/`,
    console: consoleLink(console, code),
    remarks: ports.library === PORTS.library ? [] : [`port ${PORTS.library} is taken`],
    settings: [
      ...settings,
      ...(isElsewhere ? [isthmusd] : []),
      `export ISTHMUS_CONSOLE=${console}`,
    ],
    commands: COMMANDS,
  };
}
