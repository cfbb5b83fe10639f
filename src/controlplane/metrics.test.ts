import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createFakeAuthority } from '#ca/fake-authority.ts';
import { newCertificateCounters } from '#ca/service.ts';
import { SERVICE, VIRTUAL_SERVICE } from '#kube/resources.ts';
import { meshOf } from '#model/mesh-of.ts';
import { MeshCatalog } from '#resolve/catalog.ts';
import { renderFamilies } from '#telemetry/exposition.ts';
import { XdsServer } from '#xds/server.ts';
import { FakeClock } from '../../test/fakes/clock.ts';
import { ChangeClock } from './change-clock.ts';
import { IngestEvents } from './ingest-events.ts';
import { controlPlaneFamilies } from './metrics.ts';
import type { AdmissionRequest } from './webhooks/admission-review.ts';
import { WebhookCounters } from './webhooks/counters.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const PROCESS = {
  cpuSeconds: 1.5,
  residentBytes: 2,
  heapUsedBytes: 1,
  startSeconds: NOW / 1000,
  nowSeconds: NOW / 1000,
  version: '0.1.0',
};

const request = (object: AdmissionRequest['object']): AdmissionRequest => ({
  uid: '1',
  operation: 'CREATE',
  namespace: 'default',
  name: 'x',
  object,
});

function build() {
  const clock = new FakeClock(NOW);
  const mesh = meshOf(`
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.7, selector: { app: web }, ports: [{ port: 80, name: tcp }] }
---
kind: Service
metadata: { name: other }
spec:
  clusterIP: 10.96.0.8
  selector: { app: web }
  ports: [{ port: 80, name: http }, { port: 81, name: tcp, targetPort: named }]
---
kind: Pod
metadata: { name: web, labels: { app: web } }
spec: { serviceAccountName: web, containers: [{ name: web }] }
status: { podIP: 10.0.0.1, phase: Running, conditions: [{ type: Ready, status: "True" }] }
---
kind: EndpointSlice
metadata: { name: web, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
endpoints: [{ addresses: [10.0.0.1], targetRef: { kind: Pod, name: web } }]
ports: [{ name: tcp, port: 80 }]
---
kind: EndpointSlice
metadata: { name: other, labels: { kubernetes.io/service-name: other } }
addressType: IPv4
endpoints: [{ addresses: [10.0.0.1], targetRef: { kind: Pod, name: web } }]
ports: [{ name: http, port: 80 }]
`);
  const catalog = new MeshCatalog(mesh);
  const xds = new XdsServer({
    catalog,
    isReady: () => true,
    authenticate: () => ({ ok: false, code: 16, message: 'nobody is admitted' }),
  });
  const webhooks = new WebhookCounters();
  const changes = new ChangeClock(clock);
  const counters = { certificates: newCertificateCounters(), webhooks, changes };
  const { authority } = createFakeAuthority(NOW);
  const events = new IngestEvents();
  const parts = {
    mesh,
    catalog,
    xds,
    counters,
    ingest: { events },
    authority: { current: () => authority },
  };
  const families = () => controlPlaneFamilies(parts, PROCESS);
  return {
    clock,
    events,
    webhooks,
    changes,
    counters,
    families,
    text: () => renderFamilies(families()),
  };
}

test('what the control plane tells of itself', () => {
  const { webhooks, changes, counters, events, text } = build();
  events.note(SERVICE, 'add');
  events.note(SERVICE, 'add');
  events.note(VIRTUAL_SERVICE, 'delete');
  events.noteTrigger(SERVICE);
  counters.certificates.requests = 3;
  counters.certificates.issued = 2;
  changes.converged.record(0.02);
  const asked = webhooks.watch({
    inject: ({ object }) =>
      object ? { isAllowed: true, patch: [] } : { isAllowed: false, code: 403, message: 'no' },
    validate: ({ object }) =>
      object ? { isAllowed: true } : { isAllowed: false, code: 400, message: 'no' },
  });
  asked['/inject']?.(request({}));
  asked['/inject']?.(request(undefined));
  asked['/validate']?.(request({ apiVersion: 'networking.istio.io/v1', kind: 'Sidecar' }));
  const lines = text().split('\n');
  for (const line of [
    'pilot_services 2',
    'pilot_eds_no_instances 1',
    'pilot_conflict_inbound_listener 1',
    'pilot_total_xds_internal_errors 0',
    'pilot_xds_cds_reject 0',
    'pilot_k8s_reg_events{type="Services",event="add"} 2',
    'pilot_k8s_cfg_events{type="VirtualService",event="delete"} 1',
    'pilot_push_triggers{type="service"} 1',
    'pilot_proxy_convergence_time_bucket{le="0.01"} 0',
    'pilot_proxy_convergence_time_bucket{le="0.025"} 1',
    'citadel_server_csr_count 3',
    'citadel_server_success_cert_issuance_count 2',
    'sidecar_injection_requests_total 2',
    'sidecar_injection_success_total 1',
    'sidecar_injection_failure_total 1',
    'galley_validation_passed{group="networking.istio.io",version="v1",resource="Sidecar"} 1',
    'istio_build{component="pilot",tag="0.1.0"} 1',
    'process_cpu_seconds_total 1.5',
  ]) {
    assert(lines.includes(line), line);
  }
  const expiry = Number(/^citadel_server_root_cert_expiry_timestamp (.+)$/m.exec(text())?.[1]);
  assert(expiry > NOW / 1000);
});

test('who asks chooses no number of series', () => {
  const { webhooks } = build();
  const allow = () => ({ isAllowed: true }) as const;
  const asked = webhooks.watch({ inject: allow, validate: allow });
  for (let index = 0; index < 1_000; index += 1) {
    const kind = String.fromCharCode(65 + (index % 26), 65 + Math.floor(index / 26));
    asked['/validate']?.(request({ apiVersion: 'a.b/v1', kind }));
    asked['/validate']?.(request({ apiVersion: 'a"b/v1', kind: `x\n${index}` }));
  }
  assert(webhooks.validation.size <= 65);
});

test('changes that come together are counted from the first', () => {
  const { clock, changes } = build();
  const due: (() => void)[] = [];
  const soon = (work: () => void) => () => void due.push(work);
  const seen: (number | undefined)[] = [];
  const changed = changes.settling(soon, () => seen.push(changes.seenMs));
  changed();
  clock.advance(500);
  changed();
  for (const work of due) work();
  assert.deepEqual(seen, [NOW, undefined]);
});

test('every name is explained in docs/metrics.md', () => {
  const docs = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const names = build()
    .families()
    .map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert(docs.includes(`\`${name}\``), name);
});
