import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { applyInLab } from '../firewall/lab.ts';
import { parseRule, type Rule } from '#reach/firewall/rule.ts';
import { LabSocket } from './lab-socket.ts';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-lab-socket-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'lab.sock');
const never = new AbortController().signal;
const RULE = parseRule({ from: '10.24.0.0/16', to: '10.128.0.14', port: '5432' });

async function post(body: string, url = '/firewall/rules'): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const call = request(
    { socketPath: path, method: 'POST', path: url, agent: false },
    (response) => {
      text(response).then((it) => resolve(`${response.statusCode} ${it.trim()}`), reject);
    },
  );
  call.on('error', reject);
  call.end(body);
  return await promise;
}

test('what the command asks for is asked for inside, and its answer is the command’s', async () => {
  const asked: Rule[] = [];
  const answers = ['', 'no such address'];
  const ask = (rule: Rule): Promise<string> => {
    asked.push(rule);
    return Promise.resolve(answers.shift() ?? '');
  };
  {
    await using _socket = await LabSocket.open(path, ask);
    const env = { ISTHMUS_LAB_SOCKET: path };
    await applyInLab(RULE, env, never);
    await assert.rejects(applyInLab(RULE, env, never), /refused the rule: no such address/);
  }
  assert.deepEqual(asked, [RULE, RULE]);
  assert.equal(existsSync(path), false);
});

test('what is no rule is not asked for', async () => {
  await using _socket = await LabSocket.open(path, () => assert.fail('asked'));
  assert.equal(await post('{'), '400 a rule is an object of JSON');
  assert.match(await post('{"from":"x","to":"10.0.0.1","tcpPort":1}'), /^400 --from x is no/);
  assert.equal(await post(' '.repeat(20_000)), '400 that is too long for a rule');
  assert.equal(await post('{}', '/other'), '404 the lab has no such thing');
});

test('one at a time', async () => {
  let running = 0;
  const ask = async (): Promise<string> => {
    running += 1;
    assert.equal(running, 1);
    await Promise.resolve();
    running -= 1;
    return '';
  };
  await using _socket = await LabSocket.open(path, ask);
  const all = await Promise.all([1, 2, 3].map(() => post(JSON.stringify(RULE))));
  assert.deepEqual(all, ['200 in force', '200 in force', '200 in force']);
});

test('a folder with too long a name has no socket', async () => {
  assert.equal(await LabSocket.open(`/${'x'.repeat(120)}`, () => Promise.resolve('')), undefined);
});
