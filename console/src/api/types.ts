// What the control plane answers, from one place: the contract itself lives in src/api/ of the
// repository, shared with the server and the command line.
export type * from '../../../src/api/edge-report.ts';
export type * from '../../../src/api/events.ts';
export type * from '../../../src/api/graph.ts';
export type * from '../../../src/api/history-marks.ts';
export type * from '../../../src/api/history.ts';
export type * from '../../../src/api/identity.ts';
export type * from '../../../src/api/past.ts';
export type * from '../../../src/api/policies.ts';
export type * from '../../../src/api/session.ts';
export type * from '../../../src/api/workload.ts';
export * from '../../../src/api/joins.ts';
export * from '../../../src/api/reach.ts';
