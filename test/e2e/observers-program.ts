// A client that goes on asking: observers-program.ts ADDRESS PORT. One of three requests fails.
import { once } from 'node:events';
import { request } from 'node:http';
import { systemClock } from '#base/clock.ts';

const INTERVAL_MS = 100;
const STATUSES = [200, 200, 503] as const;

const [host = '', port = ''] = process.argv.slice(2);

for (;;) {
  for (const status of STATUSES) {
    const asked = request({ host, port: Number(port), path: `/${status}`, method: 'POST' });
    asked.end('a question');
    const [answer] = await once(asked, 'response');
    answer.resume();
    await once(answer, 'end');
    await systemClock.sleep(INTERVAL_MS);
  }
}
