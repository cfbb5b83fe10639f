// The machines: is each in the mesh, captured, encrypted, until when, and does it move anything.
import { query } from './panel.ts';
import type { Dashboard, Panel } from './panel.ts';
import { rate } from './traffic.ts';

/** Agents' own series carry whose they are: by isthmusd, or by the scrape configuration. */
const OF = 'namespace=~"$namespace", pod=~"$machine"';
const BY = 'namespace, pod';
const LEGEND = '{{namespace}}/{{pod}}';
const IN = `reporter="destination", ${OF}`;
const SECONDS_A_DAY = 86_400;

const state = (title: string, about: string, metric: string): Panel => ({
  title,
  about,
  kind: 'timeseries',
  unit: 'bool_yes_no',
  queries: [query(`min by (${BY}) (${metric}{${OF}})`, LEGEND)],
});

const count = (title: string, about: string, expression: string): Panel => ({
  title,
  about,
  kind: 'stat',
  unit: 'short',
  queries: [query(expression)],
});

export const FLEET: Dashboard = {
  uid: 'isthmus-fleet',
  title: 'Isthmus: VM fleet',
  about: 'Machines and Pods by their agents: Envoy, capture, certificates, traffic.',
  variables: [
    {
      name: 'namespace',
      label: 'Namespace',
      isMany: true,
      query: 'label_values(isthmus_agent_info, namespace)',
    },
    {
      name: 'machine',
      label: 'Machine',
      isMany: true,
      query: 'label_values(isthmus_agent_info{namespace=~"$namespace"}, pod)',
    },
  ],
  rows: [
    {
      title: 'Now',
      panels: [
        count('Agents', 'That tell of themselves.', `count(isthmus_agent_info{${OF}})`),
        count(
          'Envoy not live',
          'Nothing goes in or out where traffic is captured.',
          `count(isthmus_agent_envoy_live{${OF}} == 0) or vector(0)`,
        ),
        count(
          'Not captured',
          'Traffic goes past the mesh, in clear text.',
          `count(isthmus_agent_capture_in_force{${OF}} == 0) or vector(0)`,
        ),
        count(
          'Cut off',
          'From the control plane: what was known holds on, nothing new arrives.',
          `count(isthmus_agent_control_plane_connected{${OF}} == 0) or vector(0)`,
        ),
        count(
          'Certificate ends within a day',
          'Renewed at half its life: a long one that is so near its end was not.',
          `count(isthmus_agent_certificate_expiry_timestamp_seconds{${OF}} - time() < ` +
            `${SECONDS_A_DAY}) or vector(0)`,
        ),
      ],
    },
    {
      title: 'Each',
      panels: [
        state('Envoy is live', 'It has its configuration.', 'isthmus_agent_envoy_live'),
        state('Captured', 'As a probe has shown.', 'isthmus_agent_capture_in_force'),
        state('Connected', 'To the control plane.', 'isthmus_agent_control_plane_connected'),
      ],
    },
    {
      title: 'Certificates and versions',
      panels: [
        {
          title: 'Time until the certificate expires',
          about: 'It falls to half of a certificate’s life, and jumps up when it is renewed.',
          kind: 'timeseries',
          unit: 's',
          queries: [
            query(
              `min by (${BY}) ` +
                `(isthmus_agent_certificate_expiry_timestamp_seconds{${OF}}) - time()`,
              LEGEND,
            ),
          ],
        },
        {
          title: 'Versions',
          about: 'Of agents.',
          kind: 'table',
          unit: 'short',
          queries: [query(`count by (version) (isthmus_agent_info{${OF}})`)],
        },
      ],
    },
    {
      title: 'Traffic',
      panels: [
        {
          title: 'Bytes that come to machines',
          about: 'TCP, as the machine’s own proxy reports.',
          kind: 'timeseries',
          unit: 'Bps',
          queries: [
            query(
              `sum by (${BY}) (${rate('istio_tcp_received_bytes_total', IN)})`,
              `→ to server ${LEGEND}`,
            ),
            query(
              `sum by (${BY}) (${rate('istio_tcp_sent_bytes_total', IN)})`,
              `← to client ${LEGEND}`,
            ),
          ],
        },
        {
          title: 'Open connections',
          about: 'Of each machine, both ways.',
          kind: 'timeseries',
          unit: 'short',
          queries: [query(`sum by (${BY}) (isthmus_agent_open_connections{${OF}})`, LEGEND)],
        },
      ],
    },
  ],
};
