// A node of the lab as a process of its own, for node-restart.test.ts to kill.
// usage: node-child.ts FOLDER KUBECONFIG LOGS   (inside the test's sandbox)
import { nodeOptions } from './node-world.ts';
import { LabNode } from '#lab/node/lab-node.ts';

const [, , folder = '', kubeconfig = '', logsDir = ''] = process.argv;
await LabNode.start(await nodeOptions({ folder, kubeconfig, logsDir }));
process.stdout.write('ready\n');
