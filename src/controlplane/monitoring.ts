// isthmusd's own health, metrics and debug pages: plain HTTP on loopback, no secrets.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HostPort } from '#base/flags.ts';
import { OperatorError } from '#base/operator-error.ts';
import { aborted } from '#base/tasks.ts';

export type Page = { readonly status: number; readonly contentType: string; readonly body: string };

/** Path → page. A page is made when it is asked for, by what stands after the `?`. */
export type Pages = Readonly<Record<string, (query: URLSearchParams) => Page>>;

export const textPage = (body: string, status = 200): Page => ({
  status,
  contentType: 'text/plain; charset=utf-8',
  body,
});

export const jsonPage = (value: unknown): Page => ({
  status: 200,
  contentType: 'application/json',
  body: `${JSON.stringify(value, undefined, 2)}\n`,
});

const HEADERS_BYTES_MAX = 8 << 10;
const REQUEST_TIMEOUT_MS = 5000;

/** Serves the pages until aborted. @throws OperatorError ADDRESS_IN_USE */
export async function runPages(
  options: {
    readonly listen: HostPort;
    readonly pages: Pages;
    readonly onListening?: (port: number) => void;
  },
  signal: AbortSignal,
): Promise<void> {
  const { listen, pages, onListening } = options;
  const server = createServer({ maxHeaderSize: HEADERS_BYTES_MAX }, (request, response) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const page = isRead ? pageFor(request.url ?? '/', pages) : textPage('only GET\n', 405);
    const { status, contentType, body } = page;
    response.writeHead(status, { 'content-type': contentType }).end(body);
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  onListening?.(await bind(server, listen));
  await aborted(signal);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

/** A page that cannot be made is a bug, but none to take the mesh's control plane down for. */
function pageFor(path: string, pages: Pages): Page {
  const url = URL.parse(path, 'http://localhost');
  try {
    const page = url && pages[url.pathname]?.(url.searchParams);
    return page ?? textPage(`${Object.keys(pages).join('\n')}\n`, 404);
  } catch (error) {
    const detail = error instanceof Error ? error.stack : String(error);
    return textPage(`internal error (please report it):\n${detail}\n`, 500);
  }
}

function bind(server: Server, { host, port }: HostPort): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const remedy = 'end the program that has it (ss -ltnp), or choose another with --monitoring';
      const message = `cannot listen on ${host}:${port}: ${cause.message}`;
      reject(new OperatorError('ADDRESS_IN_USE', message, { remedy, cause }));
    });
    server.listen(port, host, () => {
      const address: AddressInfo | string | null = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}
