// An agent as a process of its own, so that a test can kill it: `agent-child.ts [flags]`.
import { leaveMesh, readAgentConfig, runAgent } from '../../src/agent/main.ts';
import { renderFailure } from '#base/operator-error.ts';

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
try {
  const [word, ...rest] = process.argv.slice(2);
  if (word === 'leave') {
    const report = (line: string): void => void process.stdout.write(`${line}\n`);
    await leaveMesh(readAgentConfig(rest, process.env), report);
  } else {
    const config = readAgentConfig(process.argv.slice(2), process.env);
    await runAgent(config, stop.signal, process.env);
  }
} catch (error) {
  const { text, exitStatus } = renderFailure(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = exitStatus;
}
