import assert from 'node:assert/strict';
import { test } from 'node:test';
import { API_SERVER_USAGE } from '#apiserver/config.ts';
import { CONTROL_PLANE_USAGE } from '#controlplane/config.ts';
import { DEMO_USAGE } from './demo/options.ts';
import { usageFlags } from './usage-flags.ts';

test('flags, values, defaults and long summaries are read from a usage text', () => {
  const usage = `isthmus paint --on DIR [options]

  --on DIR           where it stands
  --with TOOL:SIZE   the tool, default brush:3
  --note TEXT        what to remember of it (repeatable)
  --until FILE       when it must be dry; as a rule
                     that is tomorrow
  --dry              change nothing`;
  assert.deepEqual(usageFlags(usage), {
    on: { type: 'string', value: 'DIR', completes: 'folder', summary: 'where it stands' },
    with: { type: 'string', value: 'TOOL:SIZE', default: 'brush:3', summary: 'the tool' },
    note: { type: 'string', value: 'TEXT', multiple: true, summary: 'what to remember of it' },
    until: {
      type: 'string',
      value: 'FILE',
      completes: 'file',
      summary: 'when it must be dry; as a rule that is tomorrow',
    },
    dry: { type: 'boolean', summary: 'change nothing' },
  });
});

test("the parts' own texts are read whole", () => {
  const rows: readonly [string, string][] = [
    ['apiserver', API_SERVER_USAGE],
    ['isthmusd', CONTROL_PLANE_USAGE],
    ['demo', DEMO_USAGE],
  ];
  for (const [name, usage] of rows) {
    const named = [...usage.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, flag = '']) => flag);
    assert.deepEqual(Object.keys(usageFlags(usage)).toSorted(), named.toSorted(), name);
  }
});
