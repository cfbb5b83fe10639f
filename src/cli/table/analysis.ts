// `isthmus analyze`: its flags are istioctl's, so that scripts need not be changed.
import { defineCommand, type Command } from '../command.ts';
import { kubeFlags } from '../common-flags.ts';

const LEVELS_SAY = 'Error, Warning or Info';

const analyze = defineCommand({
  name: 'analyze',
  group: 'Look into the mesh',
  summary: 'what is wrong with a configuration, before or after it is applied',
  description:
    'Reads the cluster, files, or both: then as if the files had been applied. A folder stands for\n' +
    'all manifests below it, - for standard input. Codes are those of `istioctl analyze`; ISM codes\n' +
    'are our own. All of them: docs/analyze.md.\n\n' +
    'Ends with status 79 when a message is as bad as --failure-threshold, 65 when a file is no\n' +
    'manifest. With -o json and -o yaml the status is 0: the messages tell.',
  operands: [{ name: 'FILE', isOptional: true, isMany: true }],
  flags: {
    filename: {
      type: 'string',
      short: 'f',
      multiple: true,
      value: 'FILE',
      completes: 'file',
      summary: 'the same as naming it without a flag',
    },
    'use-kube': {
      type: 'string',
      short: 'k',
      values: ['true', 'false'],
      default: 'true',
      summary: 'false: files only, without a cluster',
    },
    'all-namespaces': { type: 'boolean', short: 'A', summary: 'messages about all namespaces' },
    output: {
      type: 'string',
      short: 'o',
      values: ['log', 'json', 'yaml'],
      default: 'log',
      summary: 'how to print it',
    },
    'failure-threshold': {
      type: 'string',
      value: 'LEVEL',
      default: 'Error',
      summary: `from which level on it fails: ${LEVELS_SAY}`,
    },
    'output-threshold': {
      type: 'string',
      value: 'LEVEL',
      default: 'Info',
      summary: `from which level on it is printed: ${LEVELS_SAY}`,
    },
    suppress: {
      type: 'string',
      short: 'S',
      multiple: true,
      value: 'CODE=RESOURCE',
      summary: 'no messages of this code about it; * stands for anything',
    },
    analyzer: {
      type: 'string',
      multiple: true,
      value: 'NAME',
      summary: 'only this one, instead of all',
    },
    'list-analyzers': { type: 'boolean', short: 'L', summary: 'what is looked for, and stop' },
    meshConfigFile: {
      type: 'string',
      value: 'FILE',
      completes: 'file',
      summary: "MeshConfig to analyze with, instead of the cluster's",
    },
    'ignore-unknown': {
      type: 'boolean',
      summary: 'do not fail because of documents that are no manifests',
    },
    verbose: { type: 'boolean', short: 'v', summary: 'which analyzers have run' },
    color: {
      type: 'string',
      values: ['true', 'false'],
      default: 'false',
      summary: 'for scripts of istioctl: nothing is coloured either way',
    },
    timeout: {
      type: 'string',
      value: 'DURATION',
      default: '30s',
      summary: 'how long the cluster may take',
    },
    ...kubeFlags,
  },
  examples: [
    { says: 'the cluster, one namespace', command: 'isthmus analyze -n library' },
    {
      says: 'what would be wrong if these were applied',
      command: 'isthmus analyze route.yaml policies/',
    },
    {
      says: 'files alone, in a build',
      command: 'isthmus analyze --use-kube=false -A --failure-threshold Warning deploy/',
    },
    {
      says: 'without what is known',
      command: 'isthmus analyze -A -S "IST0103=Pod testing/*" -S "IST0118=Service *"',
    },
  ],
  run: async (call) => (await import('../commands/analyze.ts')).runAnalyze(call),
});

export const ANALYSIS: readonly Command[] = [
  {
    ...analyze,
    run: async ({ argv, ...surroundings }) => {
      const { spelledOut } = await import('../analyze/request.ts');
      return await analyze.run({ ...surroundings, argv: spelledOut(argv) });
    },
  },
];
