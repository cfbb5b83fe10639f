// Commands about the lab on this machine.
import { defineCommand, type Command } from '../command.ts';

const LAB_DIR = {
  type: 'string',
  summary: "the lab's folder (else ISTHMUS_LAB_DIR, else the user's own)",
  value: 'FOLDER',
  completes: 'folder',
} as const;

export const LAB: readonly Command[] = [
  defineCommand({
    name: 'lab image add',
    group: 'Other',
    summary: 'a program of this machine under an image name, for Pods in the lab',
    description:
      "The lab's node runs Pods as processes of this machine. Under the name given here, of any " +
      'registry, manifests that were written for a real cluster run as they are. A name without a ' +
      'tag stands for all tags. Containers see the system folders of this machine, and of the rest ' +
      'only what the command names, all read-only.',
    operands: [{ name: 'NAME' }, { name: 'COMMAND', isMany: true }],
    flags: {
      env: {
        type: 'string',
        summary: 'a variable that its containers have unless they say otherwise',
        value: 'NAME=VALUE',
        multiple: true,
      },
      file: {
        type: 'string',
        summary: 'a file or folder that its containers see, and where',
        value: 'PATH=HERE',
        multiple: true,
      },
      workdir: {
        type: 'string',
        summary: 'where the command runs (else here, if it names files from here)',
        value: 'FOLDER',
        completes: 'folder',
      },
      'lab-dir': LAB_DIR,
    },
    examples: [
      {
        says: 'a program of your own',
        command: 'isthmus lab image add registry.example.com/shop/cart:2.1 -- node server.js',
      },
      {
        says: 'with a file of its own',
        command:
          'isthmus lab image add nginx --file /etc/nginx/nginx.conf=./lab.conf -- nginx -g "daemon off;"',
      },
    ],
    run: async (call) => (await import('../commands/lab-image.ts')).runLabImageAdd(call),
  }),
  defineCommand({
    name: 'lab image list',
    group: 'Other',
    summary: 'the programs that were added under image names',
    flags: { 'lab-dir': LAB_DIR },
    examples: [{ says: 'all of them', command: 'isthmus lab image list' }],
    run: async (call) => (await import('../commands/lab-image.ts')).runLabImageList(call),
  }),
];
