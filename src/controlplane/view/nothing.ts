// A mesh of which nobody reports anything: what the view shows before there are reports, and in
// tests that are about something else.
import type { Flows } from '#telemetry/flows/flows.ts';
import type { AgentSessions } from '../agents/agents.ts';

const unheard = () => () => undefined;

export const NO_FLOWS: Flows = {
  edges: () => [],
  edge: () => undefined,
  samples: () => [],
  samplesAt: () => Promise.resolve([]),
  witness: () => ({ reachedMs: 0, answeredMs: 0 }),
  onTick: unheard,
  connections: () => [],
  openAt: () => [],
  onConnection: unheard,
  edgeReport: () => undefined,
  series: () => Promise.resolve(undefined),
  talkedTo: () => [],
  denials: () => [],
  onDenial: unheard,
  figures: {
    reporters: 0,
    edges: 0,
    openConnections: 0,
    batches: 0,
    repeated: 0,
    refused: 0,
    receivedBytes: 0,
  },
};

export const NO_AGENTS: Pick<AgentSessions, 'sessions' | 'onChange'> = {
  sessions: () => [],
  onChange: unheard,
};
