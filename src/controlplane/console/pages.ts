// What is not /api: the console's page and its files.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { securityHeaders, type SecurityHeaders } from './security-headers.ts';
import { fileFor, loadStaticFiles, NOT_BUILT, PAGE, type StaticFiles } from './static-files.ts';

/** Stands in the page where the nonce of its styles goes. */
const NONCE_PLACE = '%CSP_NONCE%';
const NONCE_BYTES = 18;

export class ConsolePages {
  readonly #folder: string;
  readonly #randomBytes: (size: number) => Uint8Array;
  readonly #embedders: readonly string[];
  #files: StaticFiles | undefined;

  constructor(options: {
    readonly folder: string;
    readonly randomBytes: (size: number) => Uint8Array;
    /** Origins whose pages may show the console in a frame; default none. */
    readonly embedders?: readonly string[];
  }) {
    this.#folder = options.folder;
    this.#randomBytes = options.randomBytes;
    this.#embedders = options.embedders ?? [];
  }

  /** Never rejects for what a client sends. */
  async serve(request: IncomingMessage, response: ServerResponse, pathname: string): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return void response.writeHead(405, { ...securityHeaders(), allow: 'GET' }).end();
    }
    this.#files ??= await loadStaticFiles(this.#folder); // looked for again until it is there
    const files = this.#files;
    if (!files) return this.#notBuilt(response);
    const file = fileFor(files, pathname);
    if (!file) return void response.writeHead(404, securityHeaders()).end('not found\n');
    if (file === files.get(PAGE)) return this.#page(response, file.body.toString('utf8'));
    const headers = {
      ...securityHeaders(),
      'content-type': file.contentType,
      'cache-control': file.cacheControl,
      etag: file.etag,
      vary: 'accept-encoding',
    };
    if (request.headers['if-none-match'] === file.etag) {
      return void response.writeHead(304, headers).end();
    }
    const accepted = request.headers['accept-encoding'];
    const takesGzip = typeof accepted === 'string' && /\bgzip\b/.test(accepted);
    const gzipped = takesGzip ? file.gzipped : undefined;
    const body = gzipped ?? file.body;
    response.writeHead(200, {
      ...headers,
      ...(gzipped && { 'content-encoding': 'gzip' }),
      'content-length': body.length,
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  #page(response: ServerResponse, html: string): void {
    const nonce = Buffer.from(this.#randomBytes(NONCE_BYTES)).toString('base64url');
    writeHtml(
      response,
      200,
      securityHeaders({ nonce, embedders: this.#embedders }),
      html.replaceAll(NONCE_PLACE, nonce),
    );
  }

  #notBuilt(response: ServerResponse): void {
    writeHtml(response, 503, securityHeaders(), NOT_BUILT);
  }
}

function writeHtml(
  response: ServerResponse,
  status: number,
  headers: SecurityHeaders,
  html: string,
): void {
  const type = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' };
  response.writeHead(status, { ...headers, ...type }).end(html);
}
