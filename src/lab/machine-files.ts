// What a machine's own /etc and folders begin with.

/** Debian's numbers; the machines' own user table has them, so the lab's host need not. */
export const POSTGRES_UID = 101;
export const POSTGRES_GID = 104;
export const POSTGRES_PORT = 5432;

/** Taken from the lab's host: how programs find libraries, roots and time zones. */
export const COPIED_FROM_ETC: readonly string[] = [
  'alternatives',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'protocols',
  'services',
  'ssl/certs/ca-certificates.crt',
  'ssl/openssl.cnf',
];

export const FOLDERS: readonly string[] = [
  'etc',
  'run/lock',
  'run/postgresql',
  'var/cache',
  'var/lib',
  'var/log',
  'var/spool',
  'var/tmp',
];

/** The only folders a machine has for itself; everything else it shares with the lab's host. */
export const OWN_FOLDERS: readonly string[] = ['/etc', '/run', '/var'];

export type NameEntry = { readonly address: string; readonly names: readonly string[] };

/** Files of a machine by their path in it. */
export function planMachineFiles(machine: {
  readonly name: string;
  readonly address: string;
  readonly knows: readonly NameEntry[];
}): Readonly<Record<string, string>> {
  const own = { address: machine.address, names: [machine.name] };
  const hosts = [{ address: '127.0.0.1', names: ['localhost'] }, own, ...machine.knows];
  return {
    '/etc/group': `root:x:0:\npostgres:x:${POSTGRES_GID}:\nnogroup:x:65534:\n`,
    '/etc/hostname': `${machine.name}\n`,
    '/etc/hosts': hosts.map(({ address, names }) => `${address} ${names.join(' ')}\n`).join(''),
    '/etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
    '/etc/passwd':
      'root:x:0:0:root:/root:/bin/bash\n' +
      `postgres:x:${POSTGRES_UID}:${POSTGRES_GID}:PostgreSQL:/var/lib/postgresql:/bin/bash\n` +
      'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
    '/etc/resolv.conf': 'nameserver 127.0.0.53\noptions timeout:1 attempts:1\n',
  };
}
