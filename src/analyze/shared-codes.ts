// Messages that several analyzers have.
import { messageType } from './message.ts';
import { goQuote } from './selectors.ts';

export const deprecated = messageType({
  code: 'IST0002',
  name: 'Deprecated',
  level: 'Warning',
  says: (detail: string) => `Deprecated: ${detail}`,
});

export const referencedResourceNotFound = messageType({
  code: 'IST0101',
  name: 'ReferencedResourceNotFound',
  level: 'Error',
  says: (what: string, value: string) => `Referenced ${what} not found: ${goQuote(value)}`,
});
