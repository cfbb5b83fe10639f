// Reads the answer of `POST /api/v1/reach`: the other end may be of another version. Pure.
import { REACH_STEPS } from '#api/reach.ts';
import type { ReachFix, ReachResult, ReachStep } from '#api/reach.ts';
import { isRecord } from '#kube/objects.ts';
import { FormError, listOf, numberOf, recordOf, textOf } from '../proxy/answers.ts';

export function readReach(json: unknown): ReachResult {
  const page = recordOf(json);
  return {
    from: textOf(page['from']),
    to: textOf(page['to']),
    host: textOf(page['host']),
    port: numberOf(page['port']),
    verdict: oneOf(page['verdict'], ['can', 'cannot', 'unknown']),
    summary: textOf(page['summary']),
    because: page['because'] === undefined ? '' : textOf(page['because']),
    steps: listOf(page['steps'], readStep),
    atMs: numberOf(page['atMs']),
    command: textOf(page['command']),
    back: isRecord(page['back']) ? readBack(page['back']) : null,
  };
}

function readBack(back: Readonly<Record<string, unknown>>): NonNullable<ReachResult['back']> {
  return {
    from: textOf(back['from']),
    to: textOf(back['to']),
    port: numberOf(back['port']),
    verdict: oneOf(back['verdict'], ['can', 'cannot', 'unknown']),
    summary: textOf(back['summary']),
    command: textOf(back['command']),
  };
}

function readStep(json: unknown): ReachStep {
  const step = recordOf(json);
  const { object, fix } = step;
  return {
    name: oneOf(step['name'], REACH_STEPS),
    verdict: oneOf(step['verdict'], ['passed', 'failed', 'unknown', 'not-reached']),
    source: oneOf(step['source'], ['observed', 'probed', 'configured']),
    summary: textOf(step['summary']),
    evidence: listOf(step['evidence'], textOf),
    object: object === null ? null : readObject(object),
    fix: fix === null ? null : readFix(fix),
  };
}

function readObject(json: unknown): NonNullable<ReachStep['object']> {
  const { kind, namespace, name } = recordOf(json);
  return { kind: textOf(kind), namespace: textOf(namespace), name: textOf(name) };
}

function readFix(json: unknown): ReachFix {
  const { text, command, yaml, commands } = recordOf(json);
  return {
    text: textOf(text),
    command: textOf(command),
    yaml: textOf(yaml),
    ...(commands !== undefined && {
      commands: listOf(commands, (one) => {
        const { label, command: inWords } = recordOf(one);
        return { label: textOf(label), command: textOf(inWords) };
      }),
    }),
  };
}

function oneOf<const T extends string>(value: unknown, words: readonly T[]): T {
  const found = words.find((word) => word === value);
  if (found === undefined) throw new FormError(`expected one of ${words.join(', ')}`);
  return found;
}
