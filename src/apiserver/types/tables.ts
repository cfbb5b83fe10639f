// All field tables as one.
import { ACCESS_TYPES } from './access.ts';
import { CORE_TYPES } from './core.ts';
import { CRD_TYPES } from './crd.ts';
import { META_TYPES } from './meta.ts';
import { parseTypes } from './notation.ts';
import type { TypeTable } from './notation.ts';
import { POD_TYPES } from './pod.ts';
import { VOLUME_TYPES } from './volumes.ts';
import { WORKLOAD_TYPES } from './workloads.ts';

export const TYPES: TypeTable = new Map(
  [
    META_TYPES,
    CORE_TYPES,
    POD_TYPES,
    VOLUME_TYPES,
    WORKLOAD_TYPES,
    ACCESS_TYPES,
    CRD_TYPES,
  ].flatMap((text) => [...parseTypes(text)]),
);
