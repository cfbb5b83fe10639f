// How the reporting of flows itself does, for `/metrics`.
import type { Family } from '#telemetry/exposition.ts';
import type { FlowFigures } from '#telemetry/flows/flows.ts';
import { counter, gauge } from '../metric-families.ts';

export const flowFamilies = (figures: FlowFigures): readonly Family[] => [
  gauge('isthmus_flow_reporters', 'Agents that report flows now.', figures.reporters),
  gauge('isthmus_flow_edges', 'Edges at hand.', figures.edges),
  gauge('isthmus_flow_open_connections', 'Open, as each end counts them.', figures.openConnections),
  counter('isthmus_flow_batches_total', 'Reports received.', figures.batches),
  counter('isthmus_flow_repeated_total', 'Reports that came again.', figures.repeated),
  counter('isthmus_flow_refused_total', 'Statements of agents that were refused.', figures.refused),
  counter('isthmus_flow_received_bytes_total', 'Bytes of reports.', figures.receivedBytes),
];
