import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { builtInImages } from './built-in.ts';
import { addImage, catalogueVersion, labStateDir, readCatalogue } from './catalogue-file.ts';
import {
  EMPTY_IMAGE,
  findImage,
  type Image,
  parseCatalogue,
  renderCatalogue,
} from './catalogue.ts';
import { type FileView, planEntry } from './entry.ts';
import { parseImageName } from './name.ts';

const image = (word: string): Image => ({ ...EMPTY_IMAGE, command: [word] });

const NAMES: readonly [text: string, expected: string | undefined][] = [
  ['postgres', 'docker.io/library/postgres'],
  ['docker.io/library/postgres:16', 'docker.io/library/postgres 16'],
  ['index.docker.io/library/postgres', 'docker.io/library/postgres'],
  ['istio/examples', 'docker.io/istio/examples'],
  ['localhost/app:dev', 'localhost/app dev'],
  ['registry.example:5000/team/app:1.2', 'registry.example:5000/team/app 1.2'],
  [`app@sha256:${'0'.repeat(64)}`, 'docker.io/library/app'],
  ['Upper/Case', undefined],
  ['a b', undefined],
  ['', undefined],
  ['app:', undefined],
  ['a'.repeat(600), undefined],
];

for (const [text, expected] of NAMES) {
  test(`image name "${text.slice(0, 60)}"`, () => {
    const name = parseImageName(text);
    assert.equal(name && [name.repository, name.tag].filter(Boolean).join(' '), expected);
  });
}

const CATALOGUE = new Map([
  ['app', image('any')],
  ['app:2', image('two')],
  ['quay.io/x/app', image('quay')],
]);

const FOUND: readonly [wanted: string, command: string | undefined][] = [
  ['app', 'any'],
  ['app:1', 'any'],
  ['docker.io/library/app:2', 'two'],
  ['quay.io/x/app:9', 'quay'],
  ['quay.io/y/app', undefined],
  ['x/app', undefined],
];

for (const [wanted, command] of FOUND) {
  test(`the catalogue's ${wanted} is ${command}`, () => {
    assert.equal(findImage(wanted, [CATALOGUE])?.command[0], command);
  });
}

test('a tag is latest when nobody says otherwise; the first catalogue wins', () => {
  const tagged = new Map([
    ['app:1', image('one')],
    ['app:latest', image('latest')],
  ]);
  assert.equal(findImage('app', [tagged])?.command[0], 'latest');
  assert.equal(findImage('app', [new Map([['app:1', image('one')]])]), undefined);
  assert.equal(findImage('app', [new Map(), CATALOGUE, tagged])?.command[0], 'any');
});

test('a catalogue is written and read again', () => {
  const full: Image = {
    command: ['a', 'b c'],
    args: ['d'],
    env: { A: '1' },
    workingDir: '/w',
    files: { '/w': '/here/w' },
  };
  const catalogue = new Map([
    ['b', image('x')],
    ['a', full],
  ]);
  const parsed = parseCatalogue(renderCatalogue(catalogue));
  assert.deepEqual(parsed, { ok: true, catalogue });
});

const BAD: readonly [text: string, problem: string][] = [
  ['{', 'it is not JSON'],
  ['[]', 'it has no object "images"'],
  ['{"images":{"a":1}}', 'images["a"] is not an object'],
  ['{"images":{"a":{"command":"sh"}}}', 'images["a"].command is not a list of strings'],
  ['{"images":{"a":{"env":{"A":1}}}}', 'images["a"].env is not an object of strings'],
  ['{"images":{"a":{"files":{"/a":"b"}}}}', 'images["a"].files: b is not an absolute path'],
];

for (const [text, problem] of BAD) {
  test(`a bad catalogue: ${problem}`, () => {
    assert.deepEqual(parseCatalogue(text), { ok: false, problem });
  });
}

test('the file: absent is empty, an addition changes it, a broken one is said', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-images-'));
  try {
    const file = join(folder, 'deep', 'images.json');
    assert.equal(readCatalogue(file).size, 0);
    const before = await catalogueVersion(file);
    assert.equal(await addImage(file, 'app', image('one')), false);
    assert.notEqual(await catalogueVersion(file), before);
    assert.equal(await addImage(file, 'app', image('two')), true);
    assert.equal(readCatalogue(file).get('app')?.command[0], 'two');
    writeFileSync(file, 'nonsense');
    assert.throws(() => readCatalogue(file), { code: 'CONFIG_INVALID' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the lab’s folder follows the environment', () => {
  assert.equal(labStateDir({ ISTHMUS_LAB_DIR: '/lab' }), '/lab');
  assert.equal(labStateDir({ XDG_STATE_HOME: '/state' }), '/state/isthmus/lab');
  assert.equal(labStateDir({ HOME: '/home/ada' }), '/home/ada/.local/state/isthmus/lab');
});

test('the library and the agent are built in, under any tag', () => {
  const parts = { repository: '/opt/isthmus', node: '/n/bin/node', envoy: '/e/envoy' };
  const images = [builtInImages(parts)];
  const library = findImage('isthmus.dev/library/inventory:1', images);
  assert.equal(library?.command.at(-1), '/opt/isthmus/library/inventory/main.ts');
  const agent = findImage('isthmus.dev/proxy:dev', images);
  assert.deepEqual(agent?.args, ['agent']);
  assert.equal(agent.command.at(-1), '/opt/isthmus/bin/isthmus.js');
  assert.deepEqual(agent.env, { ISTHMUS_ENVOY: '/e/envoy' });
  assert.deepEqual(Object.keys(agent.files), ['/opt/isthmus', '/n/bin', '/e']);
  assert.deepEqual(findImage('busybox:1.36', images)?.args, ['sh']);
});

/** Folders end with a slash. */
function fakeFiles(...paths: readonly string[]): FileView {
  return {
    kindOf(path) {
      if (paths.includes(path)) return 'file';
      return paths.some((one) => one.startsWith(`${path}/`)) ? 'folder' : undefined;
    },
    realPath: (path) => path,
  };
}

const HERE = {
  cwd: '/home/ada/shop',
  path: '/home/ada/.nvm/bin:/usr/bin',
  view: fakeFiles(
    '/usr/bin/python3',
    '/home/ada/.nvm/bin/node',
    '/home/ada/shop/server.js',
    '/srv/app/run',
    '/tmp/tool',
  ),
};

const ENTRIES: readonly [says: string, command: readonly string[], Partial<Image>][] = [
  ['a program of the system', ['python3', '-V'], { command: ['python3', '-V'] }],
  [
    'a program of the user’s, with a file from here',
    ['node', 'server.js'],
    {
      command: ['/home/ada/.nvm/bin/node', 'server.js'],
      workingDir: '/home/ada/shop',
      files: { '/home/ada/.nvm/bin': '/home/ada/.nvm/bin', '/home/ada/shop': '/home/ada/shop' },
    },
  ],
  [
    'a program by its path',
    ['/srv/app/run', '--fast'],
    { command: ['/srv/app/run', '--fast'], files: { '/srv/app': '/srv/app' } },
  ],
  [
    'a program right below a root folder comes alone',
    ['/tmp/tool'],
    { command: ['/tmp/tool'], files: { '/tmp/tool': '/tmp/tool' } },
  ],
];

for (const [says, command, expected] of ENTRIES) {
  test(`image add: ${says}`, () => {
    const words = { command, env: {}, files: {}, workingDir: undefined };
    const image = { ...EMPTY_IMAGE, ...expected };
    assert.deepEqual(planEntry(words, HERE), { ok: true, image });
  });
}
