// The parts parse their own arguments; what help and completion say of them must be the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFlags } from '#agent/config-layers.ts';
import { API_SERVER_USAGE, parseApiServerConfig } from '#apiserver/config.ts';
import { CONTROL_PLANE_USAGE, parseControlPlaneConfig } from '#controlplane/config.ts';
import { OperatorError } from '#base/operator-error.ts';
import { COMMANDS } from '../commands.ts';
import { agentFlags, apiServerFlags, isthmusdFlagSpecs } from './parts.ts';

const flagsIn = (usage: string): string[] =>
  [...usage.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name = '']) => name).toSorted();

test('the servers take just the flags that their data names', () => {
  assert.deepEqual(Object.keys(apiServerFlags).toSorted(), flagsIn(API_SERVER_USAGE));
  assert.deepEqual(Object.keys(isthmusdFlagSpecs).toSorted(), flagsIn(CONTROL_PLANE_USAGE));
});

test('and the defaults that it names are theirs', () => {
  const api = parseApiServerConfig(['--data-dir', '/d']);
  assert.deepEqual(
    [`${api.listen.host}:${api.listen.port}`, api.serviceCidr],
    [apiServerFlags.listen.default, apiServerFlags['service-cidr'].default],
  );
  const control = parseControlPlaneConfig(['--kubeconfig', 'f'], {});
  const { listen, monitoring, 'service-cidr': cidr } = isthmusdFlagSpecs;
  assert.deepEqual(
    [control.listen, control.monitoring].map(({ host, port }) => `${host}:${port}`),
    [listen.default, monitoring.default],
  );
  assert.equal(control.serviceCidr, cidr.default);
});

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
