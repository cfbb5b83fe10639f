// The version of this program, from its one source.
import { readFileSync } from 'node:fs';

/** `0.1.0`; empty when the package has lost its description. */
export function programVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const description: unknown = JSON.parse(text);
  const hasVersion =
    typeof description === 'object' && description !== null && 'version' in description;
  return hasVersion && typeof description.version === 'string' ? description.version : '';
}
