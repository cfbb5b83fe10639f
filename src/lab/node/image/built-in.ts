// Images that the lab has without being told: the library, the agent, and the small tools that
// manifests use everywhere. All are programs of this machine.
import { dirname } from 'node:path';
import { type Catalogue, EMPTY_IMAGE, type Image } from './catalogue.ts';

export type BuiltInParts = {
  /** Folder with bin/isthmus.js and library/. */
  readonly repository: string;
  /** The Node that runs them. */
  readonly node: string;
  /** An Envoy named by ISTHMUS_ENVOY; undefined: the one in the repository. */
  readonly envoy: string | undefined;
};

const LIBRARY = ['front', 'catalogue', 'inventory', 'recommendations', 'generator'] as const;
/** As the launcher would start it itself: then it need not start a second process. */
const AGENT_FLAGS = ['--max-semi-space-size=1', '--disable-warning=ExperimentalWarning'];
const LIBRARY_FLAGS = ['--disable-warning=ExperimentalWarning'];
/** Where programs are looked for in a container. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function builtInImages({ repository, node, envoy }: BuiltInParts): Catalogue {
  const nodeFolder = dirname(node);
  const program: Image = {
    ...EMPTY_IMAGE,
    files: { [repository]: repository, [nodeFolder]: nodeFolder },
  };
  const agent: Image = {
    ...program,
    command: [node, ...AGENT_FLAGS, `${repository}/bin/isthmus.js`],
    args: ['agent'],
    ...(envoy !== undefined && {
      env: { ISTHMUS_ENVOY: envoy },
      files: { ...program.files, [dirname(envoy)]: dirname(envoy) },
    }),
  };
  const library = LIBRARY.map((service): [string, Image] => {
    const command = [node, ...LIBRARY_FLAGS, `${repository}/library/${service}/main.ts`];
    return [`isthmus.dev/library/${service}`, { ...program, command }];
  });
  return new Map([
    ...library,
    ['isthmus.dev/proxy', agent],
    ['node', { ...EMPTY_IMAGE, command: [node], files: { [nodeFolder]: nodeFolder } }],
    ...TOOLS.map(([name, args]): [string, Image] => [name, { ...EMPTY_IMAGE, args }]),
  ]);
}

/**
 * Names that stand for "some tools": the container sees this machine's. As PostgreSQL, that is its
 * clients; the lab's server is on a VM.
 */
const TOOLS: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['alpine', ['sh']],
  ['busybox', ['sh']],
  ['debian', ['bash']],
  ['ubuntu', ['bash']],
  ['curlimages/curl', ['sleep', 'infinity']],
  ['postgres', ['sleep', 'infinity']],
  ['registry.k8s.io/pause', ['sleep', 'infinity']],
];
