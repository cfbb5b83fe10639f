import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { at, isSame, withPart } from './json.ts';
import type { Json, Path } from './json.ts';
import { editYaml, readYaml } from './yaml-edit.ts';

const POLICY = `# Who may use the inventory.
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: pg-allow   # by kim
  namespace: default
spec:
  # only the database
  selector:
    matchLabels: {app: postgresql}   # the VM's label
  action: ALLOW
  rules:
  # the library reads and writes
  - from:
    - source:
        principals: ["lab/ns/default/sa/default"]
    to:
    - operation:
        ports: ["5432"]   # no other

  # the monthly report
  - from: [{source: {principals: ["lab/ns/batch/sa/report"]}}]
`;

const without = (text: string, part: string): string => text.replace(part, '');

test('a word is replaced in its own quotes and nothing else moves', () => {
  const path = ['spec', 'rules', 0, 'to', 0, 'operation', 'ports', 0];
  assert.equal(editYaml(POLICY, path, '5433'), POLICY.replace('"5432"', '"5433"'));
  assert.equal(
    editYaml(POLICY, ['spec', 'action'], 'DENY'),
    POLICY.replace('action: ALLOW', 'action: DENY'),
  );
});

test('a text that looks like a number stays a text', () => {
  const edited = editYaml('a: b\n', ['a'], '5432');
  assert.deepEqual(readYaml(edited).value, { a: '5432' });
});

test('an item is added behind the last one, as the list is written', () => {
  const principals = ['spec', 'rules', 0, 'from', 0, 'source', 'principals'];
  assert.equal(
    editYaml(POLICY, principals, ['lab/ns/default/sa/default', 'lab/ns/a/sa/b']),
    POLICY.replace('/sa/default"]', '/sa/default", lab/ns/a/sa/b]'),
  );
  const rule = { to: [{ operation: { ports: ['1'] } }] };
  assert.equal(
    editYaml(POLICY, ['spec', 'rules', 2], rule),
    `${POLICY}  - to:\n    - operation:\n        ports:\n        - "1"\n`,
  );
});

test('a rule is taken away and the comments of the others stay', () => {
  const edited = editYaml(POLICY, ['spec', 'rules', 1], undefined);
  assert.equal(
    edited,
    without(POLICY, '  - from: [{source: {principals: ["lab/ns/batch/sa/report"]}}]\n'),
  );
});

test('parents that are missing are made, in the place where they belong', () => {
  assert.equal(
    editYaml('kind: A\nmetadata:\n  name: x\n', ['spec', 'mtls', 'mode'], 'STRICT'),
    'kind: A\nmetadata:\n  name: x\nspec:\n  mtls:\n    mode: STRICT\n',
  );
  assert.equal(
    editYaml('spec:\n  rules:\nkind: A\n', ['spec', 'rules'], [{ from: [] }]),
    'spec:\n  rules:\n  - from: []\nkind: A\n',
  );
  assert.equal(
    editYaml('spec: {} # empty\n', ['spec', 'mtls', 'mode'], 'STRICT').trimEnd(),
    'spec:\n  mtls:\n    mode: STRICT # empty',
  );
});

test('a comment behind a key outlives what stood below it', () => {
  assert.equal(editYaml('a: # why\n- 1\n- 2\nb: 1\n', ['a'], []), 'a: [] # why\nb: 1\n');
  assert.equal(editYaml('a: # why\n  b: 1\n', ['a'], 'x'), 'a: x # why\n');
});

test('a value taken out of a map keeps its dash', () => {
  const text = 'a:\n- b: 1\n  c: 2 # two\n- d: 3\n';
  assert.equal(editYaml(text, ['a', 0, 'b'], undefined), 'a:\n- c: 2 # two\n- d: 3\n');
  assert.equal(editYaml(text, ['a', 1, 'd'], undefined), 'a:\n- b: 1\n  c: 2 # two\n- {}\n');
});

test('values that were given without quotes, anchors and folded text are still edited', () => {
  const text = 'a: &x {p: 1}\nb: *x\nc: |\n  many\n  lines\nd: 1\n';
  assert.deepEqual(readYaml(editYaml(text, ['b'], { p: 2 })).value, {
    a: { p: 1 },
    b: { p: 2 },
    c: 'many\nlines\n',
    d: 1,
  });
  assert.equal(editYaml(text, ['c'], 'one'), text.replace('|\n  many\n  lines', 'one'));
});

test('what is no YAML is not touched and says where it breaks', () => {
  const broken = 'a: [1\nb: 2\n';
  assert.equal(editYaml(broken, ['b'], 3), broken);
  const [problem] = readYaml(broken).problems;
  assert.equal(problem?.line, 2);
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdef'
    .split('')
    .map((name, index) => `${name}: &${name} [${`*${'abcde'[index]},`.repeat(9)}]`)
    .join('\n')}\n`;
  assert.equal(readYaml(bomb).problems.length, 1);
});

// ── For any text and any edit ───────────────────────────────────────────────────────────────────

const key = fc.constantFrom('from', 'to', 'ports', 'source', 'x y', '5', 'on', '#no', 'k: v');
const scalar = fc.oneof(
  fc.constantFrom(
    'ALLOW',
    '5432',
    'true',
    '',
    ' ',
    'a: b',
    '# no',
    "it's",
    '"q"',
    '[',
    'a, b',
    '*',
  ),
  fc.constantFrom('null', '- a', 'two\nlines', '~', '0x1f', 'é', '{a}'),
  fc.boolean(),
  fc.integer(),
  fc.constant(null),
);
const value = fc.letrec<{ any: Json; map: Json; list: Json }>((tie) => ({
  any: fc.oneof({ maxDepth: 3 }, scalar, tie('map'), tie('list')),
  map: fc.dictionary(key, tie('any'), { maxKeys: 4, noNullPrototype: true }),
  list: fc.array(tie('any'), { maxLength: 4 }),
}));
const root = fc.dictionary(key, value.any, { minKeys: 1, maxKeys: 4, noNullPrototype: true });

/** Some path that exists, or that lies one step beside one that does. */
function somePath(json: Json, choices: readonly number[], isBeside: boolean): Path {
  const path: (string | number)[] = [];
  let here: Json | undefined = json;
  for (const choice of choices) {
    const keys: readonly string[] =
      typeof here === 'object' && here !== null ? Object.keys(here) : [];
    const picked = keys[choice % Math.max(1, keys.length)];
    if (picked === undefined) break;
    path.push(Array.isArray(here) ? Number(picked) : picked);
    here = at(json, path);
  }
  if (isBeside && typeof here === 'object' && here !== null) {
    path.push(Array.isArray(here) ? here.length : 'new');
  }
  return path;
}

/** A comment above and behind each line where one may stand. */
const commented = (text: string): string =>
  text
    .split('\n')
    .flatMap((line, index) => {
      const indent = /^ */.exec(line)?.[0] ?? '';
      return /^[ -]*[\w "]+:$/.test(line)
        ? [`${indent}# above ${index}`, `${line} # at ${index}`]
        : [line];
    })
    .join('\n');

test('any edit says what it should and keeps the lines that it does not concern', async () => {
  const { stringify } = await import('yaml');
  fc.assert(
    fc.property(
      root,
      fc.array(fc.nat(7), { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      fc.option(value.any, { nil: undefined }),
      fc.boolean(),
      (json, choices, isBeside, part, indentSeq) => {
        const text = commented(stringify(json, { lineWidth: 0, indentSeq, blockQuote: false }));
        const path = somePath(json, choices, isBeside);
        if (path.length === 0) return;
        const edited = editYaml(text, path, part);
        const expected =
          at(json, path) === undefined && part === undefined ? json : withPart(json, path, part);
        assert.ok(isSame(readYaml(edited).value, expected), `${text}→ ${edited}`);
        const lines = text.split('\n');
        const kept = lines.filter(
          (line, n) => line.startsWith('# above') && lines[n + 1]?.startsWith('-') !== true,
        );
        for (const line of kept)
          assert.ok(edited.includes(line), `${line} lost\n${text}→ ${edited}`);
      },
    ),
    { numRuns: 2000 },
  );
});
