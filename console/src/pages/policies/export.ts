// The edit as a command for a shell, for those who keep policies elsewhere.
import type { Json } from './json.ts';
import { isMap, isSame } from './json.ts';

/** A word that ends the text and does not occur in it as a line. */
function endWord(text: string): string {
  const lines = new Set(text.split('\n'));
  let word = 'EOF';
  while (lines.has(word)) word += '_';
  return word;
}

/** A command that reads a text, quoted so that the shell changes nothing of it. */
function reading(command: string, yaml: string): string {
  const word = endWord(yaml);
  return `${command} <<'${word}'\n${yaml.replace(/\n?$/, '\n')}${word}\n`;
}

export const applyCommand = (yaml: string): string => reading('kubectl apply -f -', yaml);

/** The same preview in a shell. */
export const previewCommand = (yaml: string, window: string): string =>
  reading(`isthmus policy preview - --window ${window}`, yaml);

export type Target = { readonly kind: string; readonly namespace: string; readonly name: string };

export const deleteCommand = (target: Target): string => `kubectl delete ${objectWords(target)}`;

/** Names that several groups have are told apart. */
const GROUPS: Readonly<Record<string, string>> = { Policy: 'policy.authentication.istio.io' };

function objectWords({ kind, namespace, name }: Target): string {
  const words = `${GROUPS[kind] ?? kind.toLowerCase()} ${name}`;
  return namespace === '' ? words : `${words} --namespace ${namespace}`;
}

/** `kubectl patch` with only what differs (a merge patch: lists as a whole). */
export function patchCommand(target: Target, before: Json, after: Json): string {
  const patch = JSON.stringify(mergePatch(before, after) ?? {});
  return `kubectl patch ${objectWords(target)} --type merge --patch ${quoted(patch)}`;
}

/** One word for a POSIX shell. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** RFC 7386; undefined: nothing differs. */
export function mergePatch(before: Json | undefined, after: Json): Json | undefined {
  if (isSame(before, after)) return undefined;
  if (!isMap(before) || !isMap(after)) return after;
  const patch: Record<string, Json> = {};
  for (const [key, value] of Object.entries(after)) {
    const part = mergePatch(Object.hasOwn(before, key) ? before[key] : undefined, value);
    if (part !== undefined) patch[key] = part;
  }
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) patch[key] = null;
  return patch;
}
