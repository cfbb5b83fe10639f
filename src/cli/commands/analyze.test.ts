import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCli } from '../run.ts';

const RULE = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: books, namespace: library}
spec:
  host: books
`;

let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'isthmus-analyze-'));
  writeFileSync(join(folder, 'rule.yaml'), RULE);
  writeFileSync(join(folder, 'notes.txt'), 'no manifest');
});

after(() => rmSync(folder, { recursive: true }));

type Outcome = { readonly status: number; readonly lines: readonly string[] };

async function isthmus(...words: readonly string[]): Promise<Outcome> {
  const lines: string[] = [];
  const print = (text: string): void => void lines.push(...text.split('\n'));
  const signal = new AbortController().signal;
  const status = await runCli(['analyze', ...words], { env: {}, signal, print });
  return { status, lines };
}

const files = async (...words: readonly string[]): Promise<Outcome> =>
  await isthmus('--use-kube=false', ...words);

test('files are analyzed without a cluster; warnings do not fail', async () => {
  const path = join(folder, 'rule.yaml');
  const { status, lines } = await files('-n', 'library', path);
  const text = 'The host books defined in the DestinationRule does not match any services';
  assert.deepEqual(lines, [
    `Warning [IST0174] (DestinationRule library/books ${path}:5) ${text} in the mesh.`,
  ]);
  assert.equal(status, 0);
  assert.equal((await files('-A', '--failure-threshold', 'warning', path)).status, 79);
});

test('what is about another namespace is counted, not shown', async () => {
  const { status, lines } = await files('-f', folder);
  assert.equal(status, 0);
  assert.match(lines.join('\n'), /skipped: 1 files that are neither/);
  assert.match(lines.join('\n'), /✔ No validation issues found when analyzing .*rule\.yaml\./);
  assert.equal(lines.at(-1), '1 more about other namespaces: -A shows them');
});

test('JSON has the fields of istioctl, and status 0', async () => {
  const path = join(folder, 'rule.yaml');
  const { status, lines } = await files('-A', '-o', 'json', '--failure-threshold=Info', path);
  const [message] = JSON.parse(lines.join('\n'));
  assert.equal(status, 0);
  assert.equal(message.code, 'IST0174');
  assert.equal(message.level, 'Warning');
  assert.equal(message.origin, 'DestinationRule library/books');
  assert.equal(message.reference, `${path}:5`);
  assert.match(message.documentationUrl, /ist0174/);
});

test('thresholds, suppressions and choices say what is printed', async () => {
  const path = join(folder, 'rule.yaml');
  const silent = /^✔ No validation issues found/;
  for (const words of [
    ['--output-threshold', 'Error'],
    ['-S', 'IST0174=DestinationRule library/*'],
    ['--analyzer', 'webhook.Analyzer', '--color=false'],
  ]) {
    assert.match((await files('-A', ...words, path)).lines[0] ?? '', silent, words.join(' '));
  }
});

test('a file that is no manifest fails, unless that is expected', async () => {
  mkdirSync(join(folder, 'bad'));
  writeFileSync(join(folder, 'bad', 'bad.yaml'), 'a: [');
  const { status, lines } = await files(join(folder, 'bad'));
  assert.equal(status, 65);
  assert.match(lines[0] ?? '', /^not read: .*bad\.yaml:1: /);
  assert.equal((await files('--ignore-unknown', join(folder, 'bad'))).status, 0);
});

test('what has run is said', async () => {
  const { lines } = await files('-v', '--color', '--analyzer', 'webhook.Analyzer', folder);
  assert.equal(lines[0], 'Executed analyzers: webhook.Analyzer');
});

test('the analyzers are listed with their codes', async () => {
  const { lines } = await isthmus('-L');
  const index = lines.indexOf('* webhook.Analyzer:');
  assert.equal(lines[index + 1], '    Checks the validity of Istio webhooks (IST0139)');
});

test('wrong words are usage errors', async () => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['--failure-threshold', 'Panic'], /--failure-threshold Panic is none of Error, Warning, Info/],
    [['-S', 'IST0101'], /--suppress IST0101 is not CODE=RESOURCE/],
    [['--analyzer', 'nobody'], /there is no analyzer nobody/],
    [['/no/such/file.yaml'], /\/no\/such\/file\.yaml cannot be read/],
  ];
  for (const [words, complaint] of wrong) await assert.rejects(files(...words), complaint);
  await assert.rejects(isthmus('-k', '--timeout', 'soon'), /--timeout soon is not a duration/);
});
