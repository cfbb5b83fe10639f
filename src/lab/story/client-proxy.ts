// The inventory's Envoy, as its own machine sees it: its admin interface listens on the loopback of
// its Pod only.
import { OperatorError } from '#base/operator-error.ts';
import { parseHttpAnswer } from '../http-answer.ts';
import type { Kubectl } from './kubectl.ts';

const ADMIN_PORT = 15_000;
const PROXY = ['exec', '-n', 'library', 'deploy/inventory', '-c', 'istio-proxy', '--'];
/** bash's own /dev/tcp: a container need not have an HTTP client. */
const GET = `exec 3<>/dev/tcp/127.0.0.1/${ADMIN_PORT} && printf '%s' "$1" >&3 && cat <&3`;

/** @throws OperatorError LAB_FAILED when it does not answer with status 200 */
export async function inventoryProxyAdmin(kubectl: Kubectl, path: string): Promise<string> {
  const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
  const answer = parseHttpAnswer(await kubectl.ok([...PROXY, 'bash', '-c', GET, 'get', request]));
  if (answer.status === 200) return answer.body;
  const what = `the inventory's Envoy answers ${path} with "${answer.statusLine}"`;
  throw new OperatorError('LAB_FAILED', what, {
    remedy: 'read its log: kubectl logs -n library deploy/inventory -c istio-proxy',
  });
}
