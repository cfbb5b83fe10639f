import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Catalogue, EMPTY_IMAGE, type Image } from '../image/catalogue.ts';
import { fakeContainer, fakeLookup, PLACE } from './fake-pod.ts';
import { planContainer, planImage } from './plan-container.ts';

const IMAGE: Image = {
  ...EMPTY_IMAGE,
  command: ['/bin/server'],
  args: ['--port', '80'],
  env: { PATH: '/image', MODE: 'image' },
  workingDir: '/srv',
};

function plan(container: Readonly<Record<string, unknown>>, image = IMAGE) {
  return planContainer({
    ...fakeContainer(container),
    place: PLACE,
    image,
    lookup: fakeLookup({}),
    nodeEnv: { PATH: '/node', HOME: '/root' },
  });
}

function refusal(container: Readonly<Record<string, unknown>>, image = IMAGE): string {
  const planned = plan(container, image);
  return planned.ok ? 'planned' : `${planned.refusal.reason}: ${planned.refusal.message}`;
}

const COMMANDS: readonly [says: string, container: object, argv: readonly string[]][] = [
  ['the image’s command and arguments', {}, ['/bin/server', '--port', '80']],
  ['own arguments', { args: ['-v'] }, ['/bin/server', '-v']],
  ['an own command forgets the image’s arguments', { command: ['sh'] }, ['sh']],
  ['both', { command: ['sh'], args: ['-c', 'x'] }, ['sh', '-c', 'x']],
  ['with variables', { command: ['$(MODE)', '$(NO)'] }, ['image', '$(NO)']],
];

for (const [says, container, argv] of COMMANDS) {
  test(`command: ${says}`, () => {
    const planned = plan({ ...container });
    assert(planned.ok);
    assert.deepEqual(planned.plan.argv, argv);
  });
}

test('variables: the image’s go before the node’s, the container’s before both', () => {
  const planned = plan({ env: [{ name: 'MODE', value: 'own' }] });
  assert(planned.ok);
  const own = { PATH: '/image', HOME: '/root', MODE: 'own', HOSTNAME: 'shelf-1' };
  assert.deepEqual(planned.plan.env, own);
  assert.equal(planned.plan.workingDir, '/srv');
});

test('subPathExpr is expanded, subPath is not', () => {
  const volumeMounts = [
    { name: 'v', mountPath: '/a', subPathExpr: '$(MODE)/x' },
    { name: 'v', mountPath: '/b', subPath: '$(MODE)' },
  ];
  const planned = plan({ volumeMounts });
  assert(planned.ok);
  assert.deepEqual(
    planned.plan.mounts.map(({ subPath }) => subPath),
    ['image/x', '$(MODE)'],
  );
});

test('what cannot be made is refused in kubelet’s words', () => {
  const env = [{ name: 'A', valueFrom: { secretKeyRef: { name: 'no', key: 'a' } } }];
  assert.equal(refusal({ env }), 'CreateContainerConfigError: secret "no" not found');
  assert.match(refusal({}, EMPTY_IMAGE), /^CreateContainerError: no command/);
  for (const mountPath of ['/', 'data', '/a/../b', '/proc/1', '/a\nb']) {
    const volumeMounts = [{ name: 'v', mountPath }];
    assert.match(refusal({ volumeMounts }), /^CreateContainerConfigError: cannot mount/, mountPath);
  }
  const volumeMounts = [{ name: 'v', mountPath: '/a', subPath: '../x' }];
  assert.match(refusal({ volumeMounts }), /from subPath "\.\.\/x"$/);
});

const CATALOGUE: Catalogue = new Map([['app', IMAGE]]);

test('images: from the catalogue, or a reason with its remedy', () => {
  const wanted = (image: string, pullPolicy = 'IfNotPresent') => {
    const planned = planImage({ image, pullPolicy }, [CATALOGUE]);
    return planned.ok ? 'found' : `${planned.refusal.reason}: ${planned.refusal.message}`;
  };
  assert.equal(wanted('docker.io/library/app:3'), 'found');
  assert.equal(
    wanted('other:1'),
    'ErrImagePull: "other:1" is not in the lab\'s image catalogue; ' +
      'add it with: isthmus lab image add other:1 -- COMMAND [ARGUMENT…]',
  );
  assert.match(wanted('other', 'Never'), /^ErrImageNeverPull: .*pull policy of Never/);
  assert.match(wanted('Not A Name'), /^InvalidImageName: /);
});
