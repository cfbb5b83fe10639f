// `isthmus vm files`: reads what the agent of a registered VM must know, and writes it down.
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDurationMs } from '#agent/settings.ts';
import { usageError } from '#base/flags.ts';
import { canonicalCidr, canonicalIp } from '#base/ip.ts';
import { OperatorError } from '#base/operator-error.ts';
import { WORKLOAD_ENTRY } from '#kube/resources.ts';
import type { Surroundings } from '../command.ts';
import { withKube, type KubeWords } from '../kube.ts';
import { parseName } from '#registry/register/request.ts';
import { selectEntry } from '#registry/vm/entry.ts';
import { discoverGateway, readMeshSettings, readRootCertificate } from '#registry/vm/facts.ts';
import { renderPlaces, vmFiles, type VmFile } from '#registry/vm/files.ts';

type VmFilesCall = Surroundings & {
  readonly operands: readonly string[];
  readonly flags: KubeWords & {
    readonly gateway: string | undefined;
    readonly ip: string | undefined;
    readonly output: string | undefined;
    readonly 'token-duration': string;
    readonly 'service-cidr': string;
  };
};

const USAGE = 'isthmus vm files NAME [flags]; all of it: isthmus vm files --help';
/** The API's own lower limit of TokenRequest. */
const TOKEN_SECONDS_MIN = 600;
const TOKEN_AUDIENCE = 'istio-ca';
/** The folder has a token in it. */
const FOLDER_MODE = 0o700;

/** @throws OperatorError USAGE, NOT_FOUND, CONFIG_INVALID, FILE_UNREADABLE, those of `withKube` */
export async function runVmFiles(call: VmFilesCall): Promise<number> {
  const { flags, env, signal, print } = call;
  const service = parseName(call.operands[0] ?? '');
  const given = flags.gateway === undefined ? undefined : parseGateway(flags.gateway);
  const serviceCidr = parseServiceCidr(flags['service-cidr']);
  const expirationSeconds = parseTokenSeconds(flags['token-duration']);
  return await withKube(flags, env, async ({ client, namespace }) => {
    const { items } = await client.list(WORKLOAD_ENTRY, { namespace, signal });
    const wanted = { name: service, namespace, address: flags.ip };
    const entry = selectEntry(items, wanted);
    const gateway = given ?? (await discoverGateway(client, signal));
    const account = { namespace, name: entry.serviceAccount };
    const [rootCertPem, mesh, token] = await Promise.all([
      readRootCertificate(client, namespace, signal),
      readMeshSettings(client, signal),
      client.createToken(account, { audiences: [TOKEN_AUDIENCE], expirationSeconds, signal }),
    ]);
    const common = { service, entry, gateway, serviceCidr, rootCertPem, ...mesh };
    const files = vmFiles({
      ...common,
      credential: { kind: 'token', token: token.token },
    });
    const folder = flags.output ?? service;
    await writeFiles(folder, files);
    const until = new Date(token.expiresAtMs).toISOString();
    const machine = `${service} (${entry.address})`;
    print(renderWritten({ folder, files, until, machine, gateway }));
    return 0;
  });
}

const refuse = (message: string): OperatorError => usageError(message, USAGE);

function parseGateway(text: string): string {
  const address = canonicalIp(text);
  if (address !== undefined) return address;
  const isName = /^(?=.{1,253}$)(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})+$/i.test(text);
  if (isName && !/\.\d+$/.test(text)) return text.toLowerCase();
  throw refuse(`--gateway ${text} is neither an IP address nor a DNS name`);
}

function parseServiceCidr(text: string): string {
  if (text === '*') return text;
  const cidrs = text.split(',').map(canonicalCidr);
  if (!cidrs.includes(undefined)) return cidrs.join(',');
  throw refuse(`--service-cidr ${text} is neither * nor prefixes such as 10.96.0.0/16`);
}

function parseTokenSeconds(text: string): number {
  const seconds = Math.floor((parseDurationMs(text) ?? 0) / 1000);
  if (seconds >= TOKEN_SECONDS_MIN) return seconds;
  throw refuse(`--token-duration ${text} is no duration of 10m or more, such as 1h`);
}

/** Each file in one step, never readable by more people than it ends up to be. */
async function writeFiles(folder: string, files: readonly VmFile[]): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    for (const { name, content, mode } of files) {
      const temporary = join(folder, `.${name}.new`);
      await writeFile(temporary, content, { mode: 0o600 });
      await chmod(temporary, mode);
      await rename(temporary, join(folder, name));
    }
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new OperatorError('FILE_UNREADABLE', `cannot write to ${folder}: ${problem}`, {
      remedy: 'name a folder that you may write to with -o',
      cause,
    });
  }
}

function renderWritten(written: {
  readonly folder: string;
  readonly files: readonly VmFile[];
  readonly until: string;
  readonly machine: string;
  readonly gateway: string;
}): string {
  const { folder, files, until, machine, gateway } = written;
  const commands = renderPlaces(files).replaceAll(/^/gm, '  ');
  return `${files.length} files for ${machine} in ${folder}; the token is good until ${until}
it reaches the control plane by the gateway at ${gateway}, port 15012

copy the folder to the machine, and there, in it:
${commands}
  sudo isthmus agent`;
}
