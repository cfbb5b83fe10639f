// Requests that are not about resources: health, version, discovery, key sets.
import { createHash } from 'node:crypto';
import type { TokenSigner } from '../auth/jwt.ts';
import { ISSUER } from '../auth/service-account-token.ts';
import type { JsonObject } from '../object.ts';
import { methodNotAllowed } from '../status.ts';
import {
  AGGREGATED_TYPE,
  aggregatedGroups,
  legacyGroup,
  legacyGroups,
  legacyResources,
  legacyVersions,
} from './discovery.ts';
import type { DiscoverySources } from './discovery.ts';
import type { ApiRequest, ApiResponse } from './message.ts';
import { jsonResponse, textResponse } from './message.ts';
import { openApiResponse } from './openapi.ts';
import type { OpenApiDocuments } from './openapi.ts';
import { parseAccept } from './representation.ts';

export type PathParts = {
  readonly sources: DiscoverySources;
  readonly signer: TokenSigner;
  /** `host:port` as clients may reach it. */
  readonly serverAddress: () => string;
  readonly openApi: OpenApiDocuments;
};

/**
 * The Kubernetes whose API this server speaks. kubectl warns when its own minor version differs by
 * more than one: so 1.32 to 1.34 are quiet.
 */
const VERSION: JsonObject = {
  major: '1',
  minor: '33',
  emulationMajor: '1',
  emulationMinor: '33',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '32',
  gitVersion: 'v1.33.0+isthmus',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
};

const HEALTH_CHECKS = ['ping', 'store'];

/** @throws StatusError MethodNotAllowed */
export function handlePath(parts: PathParts, request: ApiRequest): ApiResponse {
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed();
  const path = request.path.replace(/(?<=.)\/$/, '');
  return (
    fixedDocument(parts, path, request) ??
    groupDocument(parts.sources, path) ??
    openApiResponse(parts.openApi, request, path) ??
    textResponse(404, '404 page not found\n')
  );
}

function fixedDocument(
  parts: PathParts,
  path: string,
  request: ApiRequest,
): ApiResponse | undefined {
  switch (path) {
    case '/healthz':
    case '/livez':
    case '/readyz':
      return health(path.slice(1), request);
    case '/version':
      return jsonResponse(200, VERSION);
    case '/api':
      return discovery(request, {
        aggregated: () => aggregatedGroups(parts.sources, 'api'),
        legacy: () => legacyVersions(parts.serverAddress()),
      });
    case '/apis':
      return discovery(request, {
        aggregated: () => aggregatedGroups(parts.sources, 'apis'),
        legacy: () => legacyGroups(parts.sources),
      });
    case '/openid/v1/jwks':
      return jsonResponse(200, parts.signer.keySet, { 'content-type': 'application/jwk-set+json' });
    case '/.well-known/openid-configuration':
      return jsonResponse(200, openIdConfiguration());
    default:
      return undefined;
  }
}

function groupDocument(sources: DiscoverySources, path: string): ApiResponse | undefined {
  const [, root, group = '', version] = path.split('/');
  const document =
    root === 'api' && version === undefined
      ? legacyResources(sources, '', group)
      : root === 'apis' && version === undefined
        ? legacyGroup(sources, group)
        : root === 'apis' && version !== undefined
          ? legacyResources(sources, group, version)
          : undefined;
  return document && jsonResponse(200, document);
}

function health(name: string, { query }: ApiRequest): ApiResponse {
  if (!query.has('verbose')) return textResponse(200, 'ok');
  const lines = HEALTH_CHECKS.map((check) => `[+]${check} ok`);
  return textResponse(200, [...lines, `${name} check passed`, ''].join('\n'));
}

/** Both roots must answer in the same form, or kubectl drops the aggregated half. */
function discovery(
  { headers }: ApiRequest,
  forms: { readonly aggregated: () => JsonObject; readonly legacy: () => JsonObject },
): ApiResponse {
  const wantsAggregated = parseAccept(headers['accept']).some(
    ({ parameters }) =>
      parameters['as'] === 'APIGroupDiscoveryList' &&
      parameters['g'] === 'apidiscovery.k8s.io' &&
      parameters['v'] === 'v2',
  );
  if (!wantsAggregated) return jsonResponse(200, forms.legacy(), { vary: 'Accept' });
  const document = forms.aggregated();
  const etag = `"${createHash('sha256').update(JSON.stringify(document)).digest('hex')}"`;
  const cache = { etag, vary: 'Accept', 'cache-control': 'public' };
  if (headers['if-none-match'] === etag) {
    return { kind: 'whole', status: 304, headers: cache, body: '' };
  }
  return jsonResponse(200, document, { ...cache, 'content-type': AGGREGATED_TYPE });
}

function openIdConfiguration(): JsonObject {
  return {
    issuer: ISSUER,
    jwks_uri: `${ISSUER}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  };
}
