// One call of the console's API, as the user of $KUBECONFIG: prints the answer.
// usage: api-call.ts METHOD PATH JSON
import { openMeshApi } from '#cli/mesh-api/client.ts';

const [, , method = 'GET', path = '', json = 'null'] = process.argv;
const words = { 'console-url': undefined, kubeconfig: undefined, context: undefined };
const { signal } = new AbortController();
const api = await openMeshApi(words, { env: process.env, signal });
const body: unknown = JSON.parse(json);
const answer =
  method === 'POST' || method === 'PUT' || method === 'DELETE'
    ? await api.send(method, path, body)
    : await api.get(path);
process.stdout.write(JSON.stringify(answer));
