// `npm run soak [-- MINUTES]`: an hour of 300 workloads and 600 edges at one tick a second. Says what
// it cost, and fails when that is over the budget.
import { setTimeout as sleep } from 'node:timers/promises';
import { launchBrowser } from './browser.ts';
import { measureLoad } from './load.ts';

const minutes = Number(process.argv[2] ?? 60);
const browser = await launchBrowser();
const report = await measureLoad(browser, Math.round(minutes * 60), async () => sleep(1_000));
await browser.close();
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
const problems = [
  report.scriptMs > 8 && 'more than 8 ms of script per tick',
  Math.max(report.longestTaskMs, report.longestWaitMs) > 50 && 'a task longer than 50 ms',
  report.heapGrowthBytes > 10_000_000 && 'the heap grew by more than 10 MB',
].filter((problem) => problem !== false);
if (problems.length > 0) process.stderr.write(`soak: ${problems.join('; ')}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
