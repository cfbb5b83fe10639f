// What analysis says: a code, a level, and where in which object. Pure data.
import type { Place, Resource } from './resource.ts';

/** From worse to better, as Istio has them. */
export const LEVELS = ['Error', 'Warning', 'Info'] as const;
export type Level = (typeof LEVELS)[number];

/** A kind of message: what all of its messages have in common. */
export type MessageKind = {
  /** Stable: users suppress by it. */
  readonly code: string;
  readonly name: string;
  readonly level: Level;
};

/** With its words, made of details of any type. */
export type MessageType<Details extends readonly unknown[] = never> = MessageKind & {
  readonly says: (...details: Details) => string;
};

export type Message = {
  readonly code: string;
  readonly level: Level;
  readonly text: string;
  readonly place: Place;
};

/** A message of a kind about an object, or a field of it. */
export function message<Details extends readonly unknown[]>(
  { code, level, says }: MessageType<Details>,
  where: Resource | Place,
  ...details: Details
): Message {
  const place = 'resource' in where ? where : { resource: where, path: [] };
  return { code, level, text: says(...details), place };
}

/** Is the level as bad as the threshold, or worse? */
export function isAtLeast(level: Level, threshold: Level): boolean {
  return LEVELS.indexOf(level) <= LEVELS.indexOf(threshold);
}

/** `VirtualService shop/books`, as Istio names an object in messages and suppressions. */
export function friendlyName({ kind, namespace, name }: Resource): string {
  return `${kind} ${namespace === '' ? name : `${namespace}/${name}`}`;
}

/** `books.yaml:12`; undefined for an object that is from no file. */
export function referenceOf({ resource, path }: Place): string | undefined {
  const { origin } = resource;
  if (origin === undefined) return undefined;
  const line = origin.lineOf(path);
  return line === undefined ? origin.file : `${origin.file}:${line}`;
}

/** One line, in the form of `istioctl analyze`. */
export function renderMessage({ level, code, place, text }: Message): string {
  const reference = referenceOf(place);
  const where = [friendlyName(place.resource), ...(reference === undefined ? [] : [reference])];
  return `${level} [${code}] (${where.join(' ')}) ${text}`;
}

/** Takes the types of the details from the words. */
export const messageType = <Details extends readonly unknown[]>(
  type: MessageType<Details>,
): MessageType<Details> => type;
