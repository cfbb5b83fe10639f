import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { AgentRequestError, type AgentSessions } from '../agents/agents.ts';
import type { AgentAnswers, AgentRequestKind } from '../agents/requests.ts';
import { AgentQueue } from './agent-queue.ts';

const KEY = 'Pod/library/inventory-1';
const LIMITS = { open: 1, waitingOfUser: 2, waiting: 3, waitMs: 20_000 };
const NOTHING: AgentAnswers['capture_check'] = { state: 'verified', reason: '' };

/** An agent that answers when the test says so, and refuses while it is said to be busy. */
class Agent {
  readonly asked: string[] = [];
  readonly answers: (() => void)[] = [];
  isBusy = false;
  isThere = true;

  session: AgentSessions['session'] = (key) =>
    this.isThere
      ? {
          key,
          namespace: '',
          identity: '',
          remoteAddress: '',
          connectedAtMs: 0,
          version: '',
          os: '',
          addresses: [],
          logSources: [],
          clockSkewMs: 0,
          status: undefined,
        }
      : undefined;

  async *ask<Kind extends AgentRequestKind>(
    _: string,
    __: unknown,
    { by }: { readonly by: string },
  ): AsyncGenerator<AgentAnswers[Kind], void, undefined> {
    if (!this.isThere) throw new AgentRequestError('not-connected', 'nobody attends');
    if (this.isBusy) throw new AgentRequestError('busy', 'it has 4 requests open');
    this.asked.push(by);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.answers.push(resolve);
    await promise;
    const answer: AgentAnswers[Kind] = JSON.parse(JSON.stringify(NOTHING)); // of the kind asked for
    yield answer;
  }
}

function world() {
  const agent = new Agent();
  const clock = new FakeClock(1_000_000);
  const queue = new AgentQueue(agent, { clock, limits: LIMITS });
  const ask = async (by: string, signal = new AbortController().signal): Promise<string> => {
    try {
      for await (const { state } of queue.ask(KEY, { kind: 'capture_check' }, { by, signal })) {
        return state;
      }
      return 'nothing';
    } catch (error) {
      return error instanceof AgentRequestError ? error.message : `aborted: ${String(error)}`;
    }
  };
  /** The one who is asked now is answered; then the next one is. */
  const answer = async (): Promise<void> => {
    agent.answers.shift()?.();
    await turns();
  };
  return { agent, clock, ask, answer };
}

/** All that can go on without time does. */
const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the line before an agent', () => {
  test('who comes while it is busy waits, and is answered', async () => {
    const { agent, ask, answer } = world();
    const [first, second] = [ask('kim'), ask('lee')];
    await turns();
    assert.deepEqual(agent.asked, ['kim']);
    await answer();
    await answer();
    assert.deepEqual(await Promise.all([first, second]), ['verified', 'verified']);
  });

  test('users take turns, however much one of them asks', async () => {
    const { agent, ask, answer } = world();
    const all = [ask('kim'), ask('kim'), ask('kim'), ask('lee')];
    await turns();
    for (let count = 0; count < 4; count += 1) await answer();
    await Promise.all(all);
    assert.deepEqual(agent.asked, ['kim', 'kim', 'lee', 'kim']);
  });

  test('it is bounded, for one user and for all', async () => {
    const { ask, answer } = world();
    const waiting = [ask('kim'), ask('kim'), ask('kim')];
    assert.match(await ask('kim'), /^too many questions wait for Pod/);
    waiting.push(ask('lee'));
    assert.match(await ask('max'), /^too many questions wait for Pod/);
    for (let count = 0; count < 4; count += 1) await answer();
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set(['verified']));
  });

  test('nobody waits for ever', async () => {
    const { clock, ask, answer } = world();
    const first = ask('kim');
    const late = ask('lee');
    await clock.untilSleeping(LIMITS.waitMs);
    clock.advance(LIMITS.waitMs);
    assert.equal(await late, `${KEY} was busy with others for 20 s`);
    await answer();
    assert.equal(await first, 'verified');
    const next = ask('max');
    await turns();
    await answer();
    assert.equal(await next, 'verified', 'and who gave up holds no place');
  });

  test('who goes away leaves the line', async () => {
    const { agent, ask, answer } = world();
    const away = new AbortController();
    const all = [ask('kim'), ask('lee', away.signal), ask('max')];
    await turns();
    away.abort(new Error('the tab was closed'));
    assert.match((await all[1]) ?? '', /the tab was closed/);
    await answer();
    await answer();
    assert.deepEqual(agent.asked, ['kim', 'max']);
    assert.equal(await all[2], 'verified');
  });

  test('an agent that others keep busy is asked again, until the wait is over', async () => {
    const { agent, clock, ask, answer } = world();
    agent.isBusy = true;
    const patient = ask('kim');
    await clock.untilSleeping(250);
    agent.isBusy = false;
    clock.advance(250);
    await turns();
    await answer();
    assert.equal(await patient, 'verified');
    agent.isBusy = true;
    const inVain = ask('kim');
    for (let waitedMs = 0; waitedMs < LIMITS.waitMs;) {
      await turns();
      const [nextMs = LIMITS.waitMs] = clock.pendingMs();
      clock.advance(nextMs);
      waitedMs += nextMs;
    }
    assert.equal(await inVain, 'it has 4 requests open');
  });

  test('of an agent that is away nobody waits', async () => {
    const { agent, ask } = world();
    const first = ask('kim');
    await turns();
    agent.isThere = false;
    assert.equal(await ask('lee'), 'nobody attends');
    agent.answers.shift()?.();
    await first;
  });
});
