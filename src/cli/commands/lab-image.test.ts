import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { catalogueFile, readCatalogue } from '#lab/node/image/catalogue-file.ts';
import { selectCommand } from '../command.ts';
import { LAB } from '../table/lab.ts';

let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'isthmus-lab-image-'));
});

after(() => rmSync(folder, { recursive: true }));

/** Runs `isthmus lab image …`. @returns what it printed */
async function isthmus(...words: readonly string[]): Promise<readonly string[]> {
  const { command, argv } = selectCommand(LAB, ['lab', 'image', ...words]);
  const lines: string[] = [];
  const print = (text: string): void => void lines.push(text);
  const env = { PATH: '/usr/bin:/bin', ISTHMUS_LAB_DIR: folder };
  await command.run({ argv, env, signal: new AbortController().signal, print });
  return lines;
}

test('a program goes under an image name, with its own flags, and is listed', async () => {
  assert.match((await isthmus('list'))[0] ?? '', /^no images have been added/);
  const [added] = await isthmus('add', 'shop/cart:2.1', '--env', 'MODE=lab', '--', 'sh', '-c', 'x');
  assert.equal(added, 'image shop/cart:2.1 added: sh -c x');
  assert.deepEqual(readCatalogue(catalogueFile(folder)).get('shop/cart:2.1'), {
    command: ['sh', '-c', 'x'],
    args: [],
    env: { MODE: 'lab' },
    workingDir: '',
    files: {},
  });
  assert.deepEqual(await isthmus('list'), ['shop/cart:2.1  sh -c x']);
  const [replaced] = await isthmus('add', 'shop/cart:2.1', '--', 'true');
  assert.equal(replaced, 'image shop/cart:2.1 replaced: true');
});

test('what its containers see is said', async () => {
  const program = join(folder, 'run');
  writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 });
  const lines = await isthmus('add', 'own', '--file', `/etc/own.conf=${program}`, '--', program);
  assert.deepEqual(lines.slice(1, 3), [
    `  its containers see ${folder}, read-only`,
    `  its containers see ${program} as /etc/own.conf, read-only`,
  ]);
});

const WRONG: readonly [words: readonly string[], complaint: RegExp][] = [
  [['add'], /NAME is missing/],
  [['add', 'app'], /COMMAND is missing/],
  [['add', 'Bad Name', '--', 'sh'], /is not the name of an image/],
  [['add', 'app', '--env', 'MODE', '--', 'sh'], /--env MODE is not NAME=VALUE/],
  [['add', 'app', '--file', 'a=b', '--', 'sh'], /--file a is not an absolute path/],
  [['add', 'app', '--file', '/a=/no/such', '--', 'sh'], /\/no\/such is not there/],
  [['add', 'app', '--', 'no-such-program'], /no-such-program was not found on the PATH/],
  [['add', 'app', '--', './no-such-program'], /no-such-program was not found/],
];

for (const [words, complaint] of WRONG) {
  test(`isthmus lab image ${words.join(' ')}`, () => assert.rejects(isthmus(...words), complaint));
}
