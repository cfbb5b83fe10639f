// `isthmus vm token`: registers what is missing of a machine, and prints the line to be typed there.
import { parseDurationMs } from '#agent/settings.ts';
import { usageError } from '#base/flags.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { JoinRequest } from '#api/joins.ts';
import { isRecord } from '#kube/objects.ts';
import type { Surroundings } from '../command.ts';
import { loadKube, type KubeWords } from '../kube.ts';
import { openMeshApi, type MeshApiWords } from '../mesh-api/client.ts';
import { parseJoin } from '../vm/steps.ts';

type TokenCall = Surroundings & {
  readonly operands: readonly string[];
  readonly flags: MeshApiWords &
    KubeWords & {
      readonly service: string | undefined;
      readonly 'service-account': string | undefined;
      readonly network: string | undefined;
      readonly ip: string | undefined;
      readonly gateway: string | undefined;
      readonly 'token-duration': string;
    };
};

const USAGE = 'isthmus vm token NAME [PORT[:NAME]...] [flags]; all of it: isthmus vm token --help';

/** @throws OperatorError USAGE, NAME_TAKEN, NOT_FOUND, and those of `openMeshApi` */
export async function runVmToken(call: TokenCall): Promise<number> {
  const { flags, env, signal, print } = call;
  const namespace = flags.namespace ?? (await loadKube(flags, env)).namespace;
  const request = requestOf(call, namespace);
  const api = await openMeshApi(flags, { env, signal });
  const { command, join, expiresAtMs } = readInvitation(
    await api.send('POST', '/api/v1/joins', request),
  );
  const minutes = Math.round(request.ttlSeconds / 60);
  print(
    [
      `${namespace}/${request.name} may join, once, within ${minutes} min (until ${time(expiresAtMs)})`,
      'type this on the machine; the blanks before it keep it out of most shells’ history:',
      '',
      `  ${command}`,
      '',
      `then see it come in: isthmus join-status ${join.name} -n ${namespace} -w`,
    ].join('\n'),
  );
  return 0;
}

const time = (ms: number): string => new Date(ms).toISOString();

function requestOf({ operands, flags }: TokenCall, namespace: string): JoinRequest {
  const [name = '', ...words] = operands;
  const seconds = Math.floor((parseDurationMs(flags['token-duration']) ?? 0) / 1_000);
  if (seconds < 60) {
    throw usageError(`--token-duration ${flags['token-duration']} is not a minute or more`, USAGE);
  }
  const service = flags.service ?? (words.length > 0 ? name : '');
  return {
    name,
    namespace,
    service,
    ports: words.map(portOf),
    serviceAccount: flags['service-account'] ?? (service || name),
    network: flags.network ?? '',
    ttlSeconds: seconds,
    address: flags.ip ?? '',
    gateway: flags.gateway ?? '',
  };
}

/** `8080:http`, as `isthmus register` takes it, is `http:8080` to the API, as in a Service. */
function portOf(word: string): string {
  const [, port, name] = /^(\d{1,5})(?::([a-z0-9-]+))?$/.exec(word) ?? [];
  if (port === undefined)
    throw usageError(`"${word}" is no port, such as 5432 or 8080:http`, USAGE);
  return name === undefined ? port : `${name}:${port}`;
}

function readInvitation(value: unknown) {
  const fields = isRecord(value) ? value : {};
  const { command, expiresAtMs } = fields;
  const join = parseJoin(fields['join']);
  if (join && typeof command === 'string' && typeof expiresAtMs === 'number') {
    return { command, join, expiresAtMs };
  }
  throw new OperatorError('CONTROL_PLANE_REFUSED', 'the control plane answered no invitation', {
    remedy: 'see whether isthmus and isthmusd are of the same version: isthmus version',
  });
}
