// Writes Grafana's dashboards, deploy/grafana/*.json: node scripts/dashboards.ts
// (test/e2e/observers.test.ts minds that they are what this writes.)
import { writeFileSync } from 'node:fs';
import { CONTROL_PLANE } from './dashboards/control-plane.ts';
import { FLEET } from './dashboards/fleet.ts';
import { renderDashboard } from './dashboards/panel.ts';
import { SERVICE } from './dashboards/service.ts';
import { WORKLOAD } from './dashboards/workload.ts';

const FOLDER = new URL('../deploy/grafana/', import.meta.url);

/** File → what is in it. */
export const DASHBOARDS: Readonly<Record<string, string>> = {
  'service.json': renderDashboard(SERVICE),
  'workload.json': renderDashboard(WORKLOAD),
  'control-plane.json': renderDashboard(CONTROL_PLANE),
  'vm-fleet.json': renderDashboard(FLEET),
};

if (import.meta.main) {
  for (const [file, text] of Object.entries(DASHBOARDS)) writeFileSync(new URL(file, FOLDER), text);
}
