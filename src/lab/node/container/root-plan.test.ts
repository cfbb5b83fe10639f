import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HostEntry, type HostView, planRoot, type RootMount } from './root-plan.ts';

/** A host from its paths: `a/` is a folder, `a>b` a link to b, all else a file. */
function fakeHost(...paths: readonly string[]): HostView {
  const links = new Map(paths.flatMap((path) => (path.includes('>') ? [splitLink(path)] : [])));
  const files = new Set(paths.filter((path) => !/>|\/$/.test(path)));
  const isFolder = (path: string): boolean => paths.some((one) => one.startsWith(`${path}/`));
  return {
    kindOf: (path) => (files.has(path) ? 'file' : isFolder(path) ? 'folder' : undefined),
    linkAt: (path) => links.get(path),
    entriesOf(folder) {
      const below = [...paths, ...links.keys()].filter((path) => path.startsWith(`${folder}/`));
      const names = new Set(
        below.map((path) => path.slice(folder.length + 1).split(/[/>]/)[0] ?? '').filter(Boolean),
      );
      return [...names].map((name): HostEntry => {
        const path = `${folder}/${name}`;
        const target = links.get(path);
        if (target !== undefined) return { name, kind: 'link', target };
        return { name, kind: isFolder(path) ? 'folder' : 'file' };
      });
    },
  };
}

function splitLink(path: string): [string, string] {
  const [from = '', to = ''] = path.split('>');
  return [from, to];
}

const HOST = fakeHost(
  '/bin>usr/bin',
  '/usr/bin/sh',
  '/usr/lib/x.so',
  '/usr/share/doc/',
  '/usr/share/zone/utc',
  '/usr/share/local>zone/utc',
  '/sys/class/',
  '/dev/null',
  '/dev/zero',
  '/etc/services',
);

const volume = (path: string, more: Partial<RootMount> = {}): RootMount => ({
  path,
  source: '/lab/volumes/v',
  isFolder: true,
  isReadOnly: false,
  isOwn: true,
  ...more,
});

/** The mounts as `source → path (ro)`, without those that every container has. */
function mountsOf(mounts: readonly RootMount[]) {
  const plan = planRoot('/root', mounts, HOST);
  const lines = plan.fstab
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([source]) => !/^(\/root|devpts|tmpfs|proc|\/sys|\/dev|\/etc)/.test(source ?? ''))
    .map(([source, path = '', , options]) => {
      const isReadOnly = options === 'rbind,ro';
      return `${source} → ${path.slice('/root'.length)}${isReadOnly ? ' ro' : ''}`;
    });
  return { plan, lines };
}

test('the host’s programs are there, read-only; links stay links', () => {
  const { plan, lines } = mountsOf([]);
  assert.deepEqual(lines, ['/usr → /usr ro']);
  assert(plan.links.some(({ path, target }) => path === '/root/bin' && target === 'usr/bin'));
  assert.match(plan.fstab, /^\/root \/root none rbind 0 0\n/, 'pivot_root needs a mount point');
  assert.match(plan.fstab, /^\/dev\/null \/root\/dev\/null none rbind 0 0$/m);
  assert.match(plan.fstab, /^proc \/root\/proc proc nosuid,nodev,noexec 0 0$/m);
});

test('a volume in the container’s own folders needs but a mount point', () => {
  const { plan, lines } = mountsOf([volume('/var/lib/data'), volume('/etc/app.conf', FILE)]);
  assert.deepEqual(lines, [
    '/usr → /usr ro',
    '/lab/volumes/v/f → /etc/app.conf ro',
    '/lab/volumes/v → /var/lib/data',
  ]);
  assert(plan.folders.includes('/root/var/lib/data'));
  assert(plan.files.includes('/root/etc/app.conf'));
});

const FILE: Partial<RootMount> = {
  source: '/lab/volumes/v/f',
  isFolder: false,
  isReadOnly: true,
};

test('a volume on a folder that the host has is mounted over it', () => {
  assert.deepEqual(mountsOf([volume('/usr/share/doc')]).lines, [
    '/usr → /usr ro',
    '/lab/volumes/v → /usr/share/doc',
  ]);
});

test('for a volume below a folder of the host’s, the folders on the way are split', () => {
  const { plan, lines } = mountsOf([volume('/usr/share/nginx/html')]);
  assert.deepEqual(lines, [
    '/usr/bin → /usr/bin ro',
    '/usr/lib → /usr/lib ro',
    '/usr/share/doc → /usr/share/doc ro',
    '/usr/share/zone → /usr/share/zone ro',
    '/lab/volumes/v → /usr/share/nginx/html',
  ]);
  assert(plan.folders.includes('/root/usr/share/nginx/html'));
  assert(
    plan.links.some(
      ({ path, target }) => path === '/root/usr/share/local' && target === 'zone/utc',
    ),
  );
});

test('a volume within a volume: the mount point is made in the outer one', () => {
  const inner = volume('/data/inner', { source: '/lab/volumes/w' });
  const { plan, lines } = mountsOf([inner, volume('/data')]);
  assert.deepEqual(lines.slice(1), ['/lab/volumes/v → /data', '/lab/volumes/w → /data/inner']);
  assert(plan.folders.includes('/lab/volumes/v/inner'));
});

test('paths lead through the container’s links', () => {
  assert.equal(
    mountsOf([volume('/var/run//secrets/')]).lines.at(-1),
    '/lab/volumes/v → /run/secrets',
  );
  const tool = mountsOf([volume('/bin/tool', FILE)]);
  assert.equal(tool.lines.at(-1), '/lab/volumes/v/f → /usr/bin/tool ro');
});

test('what fstab would split is escaped', () => {
  const { plan } = mountsOf([volume('/a b\\c', { source: '/lab/x y' })]);
  assert.match(plan.fstab, /^\/lab\/x\\040y \/root\/a\\040b\\134c none rbind 0 0$/m);
});
