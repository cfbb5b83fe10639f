import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { runCommand, type CommandResult } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import { ENDED_REMOVAL } from '../capture/ended.ts';
import { systemNft } from '../capture/nft.ts';
import { isInside, run as runTool, runInside } from '../../../test/envoy/agent-namespace.ts';
import { endSessions, type EndingTools } from './end-sessions.ts';
import { SESSIONS_MAX } from './session-name.ts';
import { clientsListed } from './socket-filter.ts';

const { signal } = new AbortController();
const CAPTURE = { mode: 'REDIRECT', inboundPort: 15_006, inboundExcludePorts: [22] } as const;
const ONE = { client: '10.24.2.23:40190', server: '10.128.0.14:5432' };
const SIX = { client: '[fd00::2]:40190', server: '[fd00::1]:5432' };

const request = (...sessions: readonly { client: string; server: string }[]) => ({
  sessions: sessions.map((one) => ({ ...one, $typeName: 'isthmus.v1.SessionEnds' as const })),
});

/** A machine whose `ss` answers so, first to -K, then to the look at what is left. */
function machine(answers: readonly string[], refusal?: OperatorError) {
  const scripts: string[] = [];
  const calls: (readonly string[])[] = [];
  const tools: EndingTools = {
    capture: CAPTURE,
    nft: {
      apply: async (script) => {
        await Promise.resolve();
        if (refusal) throw refusal;
        scripts.push(script);
      },
    },
    run: async (command, args): Promise<CommandResult> => {
      await Promise.resolve();
      assert.equal(command, 'ss');
      const stdout = answers[calls.push(args) - 1];
      if (stdout === undefined) throw new OperatorError('TOOL_MISSING', 'no ss', { remedy: '' });
      return { status: 0, stdout, stderr: '' };
    },
  };
  return { tools, scripts, calls };
}

const line = ({ client, server }: typeof ONE): string => `ESTAB 0 0 ${server} ${client}\n`;

describe('ending sessions', () => {
  test('sockets are named by both ends, at the port dialled and at the proxy’s', async () => {
    const { tools, calls } = machine([line(ONE)]);
    const ending = await endSessions(request(ONE), tools, signal);
    assert.deepEqual(ending, { ended: 1, gone: 0, resetting: 0, problem: '', remedy: '' });
    assert.deepEqual(calls, [
      [
        '-HtnK',
        '( src 10.128.0.14:5432 and dst 10.24.2.23:40190 )' +
          ' or ( src 10.128.0.14:15006 and dst 10.24.2.23:40190 )',
      ],
    ]);
  });

  test('what is not there any more was no failure', async () => {
    const { tools } = machine(['', '']);
    const { ended, gone, problem } = await endSessions(request(ONE), tools, signal);
    assert.deepEqual([ended, gone, problem], [0, 1, '']);
  });

  test('a kernel that closes no sockets resets them at their next packet, both ways', async () => {
    const { tools, scripts } = machine(['', line(ONE) + line(SIX)]);
    const { ended, resetting } = await endSessions(request(ONE, SIX), tools, signal);
    assert.deepEqual([ended, resetting], [0, 2]);
    const [script = ''] = scripts;
    assert.match(script, /ended4 { 10\.24\.2\.23 \. 40190 \. 10\.128\.0\.14 \. 5432 timeout 30s }/);
    assert.match(script, /ended6 { fd00::2 \. 40190 \. fd00::1 \. 5432 timeout 30s }/);
    for (const hook of ['input', 'output']) {
      assert.match(script, new RegExp(`add rule .* ${hook} .*@ended4 reject with tcp reset`));
    }
  });

  test('a machine without ss, too', async () => {
    const { tools } = machine([]);
    assert.equal((await endSessions(request(ONE), tools, signal)).resetting, 1);
  });

  test('where neither may be done that is said, with what to do', async () => {
    const denied = new OperatorError('CAPTURE_FAILED', 'not permitted', { remedy: '' });
    const { tools } = machine(['', line(ONE)], denied);
    const { resetting, problem, remedy } = await endSessions(request(ONE), tools, signal);
    assert.equal(resetting, 0);
    assert.match(problem, /cannot be ended on this machine/);
    assert.match(remedy, /CAP_NET_ADMIN/);
  });

  for (const [title, sessions, says] of [
    ['a host name', [{ ...ONE, client: 'db:1' }], /address and port/],
    ['words for ss', [{ ...ONE, client: '10.0.0.1 or dst 0.0.0.0:1' }], /address and port/],
    ['no port', [{ ...ONE, server: '10.128.0.14:0' }], /address and port/],
    ['two families', [{ ...ONE, client: SIX.client }], /address and port/],
    ['ssh', [{ ...ONE, server: '10.128.0.14:22' }], /port 22 is not the workload's/],
    ['too many', Array.from({ length: SESSIONS_MAX + 1 }, () => ONE), /more than 256/],
  ] as const) {
    test(`refused: ${title}`, async () => {
      const { tools, calls } = machine([]);
      await assert.rejects(endSessions(request(...sessions), tools, signal), says);
      assert.deepEqual(calls, [], 'nothing was run');
    });
  }

  test('the list of ss is read, whatever family it speaks', () => {
    const text =
      'ESTAB 0 0 [::ffff:10.0.0.1]:15006 [::ffff:10.0.0.2]:4000\n' +
      'ESTAB 0 0 [fe80::1%eth0]:5 [fe80::2%eth0]:6\nnonsense\n';
    assert.deepEqual([...clientsListed(text)], ['10.0.0.2:4000', '[fe80::2]:6']);
  });
});

// ── In a real kernel ────────────────────────────────────────────────────────────────────────────

async function pair(port: number): Promise<{ client: Socket; name: typeof ONE }> {
  const client = connect(port, '127.0.0.1');
  client.on('error', () => undefined);
  await once(client, 'connect');
  const { localPort = 0 } = client;
  return { client, name: { client: `127.0.0.1:${localPort}`, server: `127.0.0.1:${port}` } };
}

async function inKernel(tools: EndingTools): Promise<void> {
  using stack = new DisposableStack();
  const server = createServer((socket) => {
    stack.defer(() => socket.destroy());
    socket.on('error', () => undefined).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => server.close());
  const { port } = Object.assign(
    { port: 0 },
    server.address() satisfies AddressInfo | string | null,
  );
  const [doomed, other] = [await pair(port), await pair(port)];
  for (const { client } of [doomed, other]) stack.defer(() => client.destroy());
  const closed = new Promise<void>((resolve) => doomed.client.once('close', () => resolve()));
  const { ended, resetting, problem } = await endSessions(request(doomed.name), tools, signal);
  assert.equal(problem, '');
  assert.equal(ended + resetting, 1);
  if (resetting > 0) doomed.client.write('anything');
  await closed;
  other.client.write('still here');
  const [echo]: unknown[] = await once(other.client, 'data');
  assert.equal(String(echo), 'still here');
}

if (isInside) {
  await runTool('ip', 'link', 'set', 'lo', 'up');
  const direct: EndingTools = { capture: { ...CAPTURE, mode: 'NONE' }, nft: systemNft };
  test('a socket is closed, its neighbour lives', async () => await inKernel(direct));
  test('without SOCK_DESTROY a packet resets it, its neighbour lives', async () => {
    const run: typeof runCommand = async (command, args, options) =>
      await runCommand(command, args[0] === '-HtnK' ? ['-Htn', 'dport = :1'] : args, options);
    await inKernel({ ...direct, run });
    await inKernel({ ...direct, run, capture: CAPTURE }); // by what conntrack knows
    await systemNft.apply([...ENDED_REMOVAL, ''].join('\n'));
    assert.doesNotMatch(await runTool('nft', 'list', 'tables'), /isthmus/);
  });
} else {
  test('in a kernel of its own', async () => {
    const { status, output } = await runInside(import.meta.url);
    assert.equal(status, 0, output);
  });
}
