// All descriptions as one.
import { CORE_DESCRIPTIONS } from './core.ts';
import { parseDescriptions } from './notation.ts';
import type { Descriptions } from './notation.ts';
import { OTHER_DESCRIPTIONS } from './others.ts';

export const DESCRIPTIONS: Descriptions = parseDescriptions(
  `${CORE_DESCRIPTIONS}${OTHER_DESCRIPTIONS}`,
);
