// Every command of `isthmus`, as data. Nothing here loads what a command runs.
import type { Command } from './command.ts';
import { ANALYSIS } from './table/analysis.ts';
import { JOINS } from './table/joins.ts';
import { LAB } from './table/lab.ts';
import { LOGS } from './table/logs.ts';
import { MACHINES } from './table/machines.ts';
import { MESH } from './table/mesh.ts';
import { PARTS } from './table/parts.ts';
import { POLICIES } from './table/policies.ts';
import { PROXIES } from './table/proxies.ts';
import { QUESTIONS } from './table/questions.ts';
import { TOOLS } from './table/tools.ts';

export const COMMANDS: readonly Command[] = [
  ...PARTS,
  ...MACHINES,
  ...JOINS,
  ...MESH,
  ...PROXIES,
  ...QUESTIONS,
  ...ANALYSIS,
  ...LOGS,
  ...POLICIES,
  ...LAB,
  ...TOOLS,
];
