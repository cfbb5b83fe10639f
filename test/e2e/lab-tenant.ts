// A program for lab-end.test.ts: stands up a lab with what is hardest to get rid of, and stays.
// usage: lab-tenant.ts ID
import { readFileSync } from 'node:fs';
import { Cloud } from '#lab/cloud.ts';
import { enterSandbox } from '#lab/enter.ts';
import { Postgres } from '#lab/postgres.ts';

await enterSandbox(process.argv[2]);

const cloud = await Cloud.create({
  cluster: { inventory: '10.24.2.23' },
  vms: { 'db-vm': '10.128.0.14' },
  env: process.env,
});
const vm = cloud.machine('db-vm');
await Postgres.install(vm);
await cloud.capture('all');
// One that hears no signal, in a session of its own, whose parent is gone.
await vm.run([
  'bash',
  '-c',
  "trap '' TERM INT HUP; setsid sleep 600 </dev/null >&/dev/null & disown",
]);
// Which user of the outside is root in here: user_namespaces(7), /proc/PID/uid_map.
const [, outsideUid = '?'] = readFileSync('/proc/self/uid_map', 'utf8').trim().split(/ +/);
process.stdout.write(`standing as uid ${outsideUid}\n`);
