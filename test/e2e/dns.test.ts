// The DNS proxy behind a real capture rule, asked by the C library's resolver through getent.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCommand } from '#base/command.ts';

type Found = {
  readonly full: string[];
  readonly short: string[];
  readonly withNamespace: string[];
  readonly outsideHostOfTheMesh: string[];
  readonly outside: string[];
  readonly unknown: string[];
  readonly unknownOutside: string[];
  readonly passedOn: string[];
  readonly looped: string[];
  readonly loopMs: number;
  readonly log: string[];
  readonly counts: { readonly dropped: number };
};

let found: Found;

before(async () => {
  const machine = fileURLToPath(new URL('dns-machine.ts', import.meta.url));
  const namespaces = ['--user', '--map-root-user', '--net', '--mount', '--fork', '--kill-child'];
  const { status, stdout, stderr } = await runCommand('unshare', [
    ...namespaces,
    process.execPath,
    machine,
  ]);
  assert.equal(status, 0, stderr);
  found = JSON.parse(stdout);
});

test('a mesh name resolves in each form, to each family that it has', () => {
  assert.deepEqual(found.full, ['240.240.0.5']);
  assert.deepEqual(found.withNamespace, ['240.240.0.5']);
  assert.deepEqual(found.short.toSorted(), ['10.96.0.7', 'fd00::7']);
});

test('an outside host of the mesh resolves to its address there', () => {
  assert.deepEqual(found.outsideHostOfTheMesh, ['240.240.0.9']);
});

test('other names resolve as before, and names that do not exist do not', () => {
  assert.deepEqual(found.outside, ['203.0.113.7']);
  assert.deepEqual(found.unknown, []);
  assert.deepEqual(found.unknownOutside, []);
});

test('nothing of the cluster is ever asked outside', () => {
  assert.deepEqual(
    new Set(found.passedOn.map((name) => name.toLowerCase())),
    new Set(['gnu.org', 'nowhere.invalid']),
  );
});

test('a capture rule that catches the proxy’s own queries is noticed, said once and survived', () => {
  assert.deepEqual(found.looped, []);
  assert(found.loopMs < 4000, `${found.loopMs} ms`);
  assert.equal(found.log.length, 1, found.log.join('\n'));
  assert.match(found.log[0] ?? '', /captured again/);
});
