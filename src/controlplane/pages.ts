// What isthmusd tells of itself on its monitoring port.
import { programVersion } from '#base/version.ts';
import { EXPOSITION_CONTENT_TYPE, renderFamilies } from '#telemetry/exposition.ts';
import type { ControlPlane } from './build.ts';
import { debugPages } from './debug.ts';
import { flowFamilies } from './flows/flow-metrics.ts';
import { controlPlaneFamilies, type ProcessFigures } from './metrics.ts';
import { jsonPage, textPage, type Pages } from './monitoring.ts';

/** Of this process, now. */
function processFigures(nowMs: number): ProcessFigures {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    cpuSeconds: (user + system) / 1_000_000,
    residentBytes: rss,
    heapUsedBytes: heapUsed,
    startSeconds: nowMs / 1000 - process.uptime(),
    nowSeconds: nowMs / 1000,
    version: VERSION,
  };
}

const VERSION = programVersion();

/** The account of the last day, and how the reporting itself does. */
function flowsReport({ flows, clock }: ControlPlane): object {
  const toMs = clock.nowMs();
  const day = { fromMs: toMs - DAY_MS, toMs };
  const edges = [...flows.edges()];
  const talkedTo = flows.talkedTo(day);
  return { ...flows.figures, edges, talkedTo, denials: flows.denials(day) };
}

const DAY_MS = 24 * 3600_000;

export function controlPlanePages(parts: ControlPlane): Pages {
  return {
    '/ready': () => (parts.isReady() ? textPage('ok\n') : textPage('not synced yet\n', 503)),
    '/metrics': () => ({
      status: 200,
      contentType: EXPOSITION_CONTENT_TYPE,
      body: renderFamilies([
        ...controlPlaneFamilies(parts, processFigures(parts.clock.nowMs())),
        ...flowFamilies(parts.flows.figures),
      ]),
    }),
    '/stats/prometheus': () => ({
      status: 200,
      contentType: EXPOSITION_CONTENT_TYPE,
      body: renderFamilies(parts.flows.metrics.families(parts.clock.nowMs())),
    }),
    '/debug/flows': () => jsonPage(flowsReport(parts)),
    '/debug/syncz': () => jsonPage(parts.xds.status()),
    '/debug/rejections': () => jsonPage([...parts.mesh.rejections.entries()].map(([, one]) => one)),
    ...debugPages(parts),
  };
}
