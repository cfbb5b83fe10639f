// docs/kubectl.md is what users may rely on: each of its commands is run as it stands there.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCommand } from '#base/command.ts';
import type { CommandResult } from '#base/command.ts';
import { customResourceDefinition } from '#istio/kind.ts';
import { serviceEntryKind } from '#istio/serviceentry/schema.ts';
import { enterSandbox } from '#lab/enter.ts';
import { LabProcess } from '#lab/process.ts';
import { NodeWorld } from './node-world.ts';

await enterSandbox();

const DOCUMENT = fileURLToPath(new URL('../../docs/kubectl.md', import.meta.url));
const MANIFESTS = fileURLToPath(new URL('kubectl-manifests', import.meta.url));
const COMMAND_LIMIT_MS = 40_000;
const DEFINITION = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

type Line = { readonly command: string; readonly refusal: string | undefined };

/** The commands of the document, in its order: items of lists, and rows with what is refused. */
function readDocument(): readonly Line[] {
  return readFileSync(DOCUMENT, 'utf8')
    .split('\n')
    .flatMap((line): Line[] => {
      const [, item] = /^- `(.*kubectl .*)`$/.exec(line) ?? [];
      const [, row, refusal] = /^\| `(kubectl .*?)` +\| `(.*)` +\|$/.exec(line) ?? [];
      const command = item ?? row;
      return command === undefined ? [] : [{ command, refusal }];
    });
}

/** A shell's words, as far as the document has them: single quotes, and variables before it. */
function readCommand(command: string) {
  const words = [...command.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) =>
    word.replaceAll("'", ''),
  );
  const at = words.indexOf('kubectl');
  const env = words.slice(0, at).map((word) => {
    const [name = '', ...value] = word.split('=');
    return [name, value.join('=')] as const;
  });
  return { args: words.slice(at + 1), env: Object.fromEntries(env) };
}

let world: NodeWorld;
before(async () => {
  world = await NodeWorld.create();
  await world.kube.create(DEFINITION, customResourceDefinition(serviceEntryKind));
});
after(() => world[Symbol.asyncDispose]());

const environment = (more: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  HOME: world.folder,
  KUBECONFIG: world.kubeconfig,
  ...more,
});

/** Files are named as if one stood in their folder. */
const inFolder = (args: readonly string[]): string[] => {
  const file = /^[\w-]+\.yaml$/;
  return args.map((word) => (file.test(word) ? join(MANIFESTS, word) : word));
};

async function run(command: string): Promise<CommandResult> {
  const { args, env } = readCommand(command);
  const options = { env: environment(env), timeoutMs: COMMAND_LIMIT_MS };
  return await runCommand('kubectl', inFolder(args), options);
}

/** What goes on until it is ended: it must say something, and is then ended. */
const ENDLESS = /^kubectl (?:get .* -w|logs -f|port-forward|proxy)\b/;

async function begin(command: string): Promise<void> {
  const { args, env } = readCommand(command);
  await using program = new LabProcess({
    name: 'kubectl',
    command: ['kubectl', ...args],
    env: environment(env),
    logsDir: world.cloud.logsDir,
  });
  await program.waitForLine(/./, { what: command, limitMs: COMMAND_LIMIT_MS });
}

/** What kubectl says before it has asked anybody. */
const HINT = /^If you don't see a command prompt/;

/** `diff` says by 1 that there is a difference, `can-i` that one may not. */
const allowedStatuses = (command: string): readonly number[] =>
  /^kubectl (?:diff|auth can-i)\b/.test(command) ? [0, 1] : [0];

const lines = readDocument();

test('the document has commands', () => {
  assert(lines.length > 100, `${lines.length}`);
});

for (const { command, refusal } of lines) {
  test(command, async () => {
    if (ENDLESS.test(command)) {
      await begin(command);
      return;
    }
    const { status, stdout, stderr } = await run(command);
    if (refusal === undefined) {
      assert(allowedStatuses(command).includes(status ?? -1), `${status}: ${stderr}`);
      assert(stdout.trim() !== '', 'it says something');
      assert.doesNotMatch(stderr, /error|warning/i);
    } else {
      assert.notEqual(status, 0, stdout);
      assert(stderr.includes(refusal), stderr);
      const sentences = stderr.split('\n').filter((line) => line !== '' && !HINT.test(line));
      assert.equal(sentences.length, 1, stderr);
    }
  });
}
