// The parts parse their own arguments; what help and completion say of them must be the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFlags } from '#agent/config-layers.ts';
import { OperatorError } from '#base/operator-error.ts';
import { COMMANDS } from '../commands.ts';
import { agentFlags } from './parts.ts';

test('the agent takes just the flags that its data names', () => {
  const named = Object.keys(agentFlags);
  const all = named.flatMap((name) => [`--${name}`, '1']);
  assert.equal(parseFlags(all).size, named.length);
  assert.throws(
    () => parseFlags(['--nothing']),
    (error) => {
      assert(error instanceof OperatorError);
      const usage = [...error.remedy.matchAll(/--(\w+)/g)].map(([, name = '']) => name);
      assert.deepEqual(usage.toSorted(), named.toSorted());
      return true;
    },
  );
});

test('every command says what it does and shows how', () => {
  assert.equal(new Set(COMMANDS.map(({ name }) => name)).size, COMMANDS.length);
  for (const { name, summary, examples, flags } of COMMANDS) {
    assert.match(summary, /^\S.{5,69}[^.]$/, name);
    assert(examples.length > 0, name);
    for (const { command } of examples) assert(command.includes(`isthmus ${name}`), command);
    for (const flag of Object.values(flags)) assert.match(flag.summary, /[^.]$/, name);
  }
});
