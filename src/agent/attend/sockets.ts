// Who listens on this machine, as `ss -ltnp` has it: /proc/net/tcp and the programs whose
// descriptors are those sockets. What the agent's user may not see has no program.
import { readdir, readFile, readlink } from 'node:fs/promises';
import { canonicalIp } from '#base/ip.ts';
import { printable } from '#base/printable.ts';

export type FoundSocket = {
  readonly address: string;
  readonly port: number;
  readonly program: string;
  readonly pid: number;
};

export const SOCKETS_MAX = 500;
/** A machine with more processes is not searched to its end. */
const PROCESSES_MAX = 5_000;
const DESCRIPTORS_MAX = 100_000;
const LISTEN = '0A';

type Listening = { readonly address: string; readonly port: number; readonly inode: string };

export async function listeningSockets(): Promise<{
  readonly sockets: readonly FoundSocket[];
  readonly isCut: boolean;
}> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  const all = tables.flatMap(parseTable).toSorted((a, b) => a.port - b.port);
  const listening = all.slice(0, SOCKETS_MAX);
  const owners = await findOwners(new Set(listening.map(({ inode }) => inode)));
  const sockets = listening.map(({ address, port, inode }) => ({
    address,
    port,
    ...(owners.get(inode) ?? { program: '', pid: 0 }),
  }));
  return { sockets, isCut: all.length > listening.length };
}

/** `sl local_address rem_address st … inode`, addresses in the machine's byte order. */
export function parseTable(text: string): readonly Listening[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === LISTEN)
    .map((fields) => {
      const [address = '', port = ''] = (fields[1] ?? '').split(':');
      return {
        address: renderAddress(address),
        port: Number.parseInt(port, 16),
        inode: fields[9] ?? '',
      };
    });
}

/** Each group of four bytes is a little-endian word. */
function renderAddress(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  if (bytes.length !== 4 && bytes.length !== 16) return '';
  bytes.swap32();
  if (bytes.length === 4) return bytes.join('.');
  const words = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  return canonicalIp(words.join(':')) ?? '';
}

type Owner = { readonly program: string; readonly pid: number };

async function findOwners(wanted: Set<string>): Promise<ReadonlyMap<string, Owner>> {
  const owners = new Map<string, Owner>();
  const names = await readdir('/proc').catch(() => []);
  const pids = names.filter((name) => /^\d+$/.test(name)).slice(0, PROCESSES_MAX);
  let descriptors = 0;
  for (const pid of pids) {
    if (owners.size === wanted.size || descriptors > DESCRIPTORS_MAX) break;
    const found = await socketsOf(pid);
    descriptors += found.length;
    const own = found.filter((inode) => wanted.has(inode) && !owners.has(inode));
    if (own.length === 0) continue;
    const owner = { program: await programOf(pid), pid: Number(pid) };
    for (const inode of own) owners.set(inode, owner);
  }
  return owners;
}

/** Of a process that has ended meanwhile, or is another user's: none. */
async function socketsOf(pid: string): Promise<readonly string[]> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder).catch(() => []);
  const links = await Promise.all(
    names.map((name) => readlink(`${folder}/${name}`).catch(() => '')),
  );
  return links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
}

async function programOf(pid: string): Promise<string> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  return printable(name.trim(), 64);
}
