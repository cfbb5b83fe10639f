// Where `isthmus firewall --apply` finds the lab from outside: the socket whose contract is in
// ../firewall/lab.ts. What it asks for is checked here and done inside.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { OperatorError } from '#base/operator-error.ts';
import { fieldsOf, numberAt, textAt } from '#kube/fields.ts';
import { parseRule, type Rule } from '#reach/firewall/rule.ts';

/** @returns why the lab did not take the rule; empty: it is in force */
export type Ask = (rule: Rule) => Promise<string>;

const PATH = '/firewall/rules';
const BODY_LENGTH_MAX = 10_000;
/** A rule is typed by hand: more at a time is a mistake. */
const CONNECTIONS_MAX = 16;
/** sun_path of unix(7), with the NUL behind it. */
const PATH_BYTES_MAX = 107;

export class LabSocket implements AsyncDisposable {
  readonly path: string;
  readonly #server: Server;
  readonly #ask: Ask;
  /** The inside answers one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(path: string, ask: Ask) {
    this.path = path;
    this.#ask = ask;
    this.#server = createServer((request, response) => void this.#reply(request, response));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** @returns undefined where the path is too long for a socket */
  static async open(path: string, ask: Ask): Promise<LabSocket | undefined> {
    if (Buffer.byteLength(path) > PATH_BYTES_MAX) return undefined;
    const socket = new LabSocket(path, ask);
    socket.#server.listen(path);
    await once(socket.#server, 'listening');
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #reply(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const end = (status: number, sentence: string): void => {
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(`${sentence}\n`);
    };
    try {
      if (request.url !== PATH) return end(404, 'the lab has no such thing');
      if (request.method !== 'POST') return end(405, 'rules are posted');
      const rule = readRule(await bodyOf(request));
      const asked = this.#last.then(() => this.#ask(rule));
      this.#last = asked.catch(() => undefined); // the next one is asked all the same
      const problem = await asked;
      return problem === '' ? end(200, 'in force') : end(422, problem);
    } catch (error) {
      end(400, error instanceof Error ? error.message : String(error));
    }
  }
}

/** @throws OperatorError USAGE */
function readRule(body: string): Rule {
  const fields = fieldsOf(parseJson(body));
  const port = String(numberAt(fields, 'tcpPort') ?? '');
  return parseRule({ from: textAt(fields, 'from'), to: textAt(fields, 'to'), port });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new OperatorError('USAGE', 'a rule is an object of JSON', { remedy: 'send one' });
  }
}

/** All of it is taken, because a client that is still sending hears no answer; not all is kept. */
async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  request.setEncoding('utf8');
  for await (const text of request) body = `${body}${text}`.slice(0, BODY_LENGTH_MAX + 1);
  if (body.length <= BODY_LENGTH_MAX) return body;
  throw new OperatorError('USAGE', 'that is too long for a rule', { remedy: 'send less' });
}
