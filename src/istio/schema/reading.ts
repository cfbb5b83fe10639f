// Reading one object: where we are in it, and what is wrong with it so far.
import { isRecord } from '#kube/objects.ts';
import type { Violation } from '../object.ts';

/** What is read instead of a value; the violations say why. */
export const INVALID = Symbol('invalid');

/**
 * A validation rule: its CEL text for the API server, and the same in TypeScript for us. It is
 * asked only of values that are otherwise valid.
 */
export type Rule<T> = {
  readonly cel: string;
  readonly message: string;
  readonly holds: (self: T) => boolean;
};

/** A hopeless object is not described to its end. */
const VIOLATIONS_MAX = 64;
/** Longest piece of a value that a message repeats. */
const QUOTE_LENGTH_MAX = 256;

/** A place in an object that is being read. */
export class Reading {
  /** Such as `spec.ports[0].number`; empty for the object itself. */
  readonly field: string;
  readonly #violations: Violation[];

  constructor(field: string, violations: Violation[]) {
    this.field = field;
    this.#violations = violations;
  }

  property(name: string): Reading {
    return new Reading(this.field === '' ? name : `${this.field}.${name}`, this.#violations);
  }

  /** Another field of the object itself, for what a rule finds elsewhere. */
  sibling(name: string): Reading {
    return new Reading(name, this.#violations);
  }

  item(index: number): Reading {
    return new Reading(`${this.field}[${index}]`, this.#violations);
  }

  /** The value of a key in a map. */
  key(key: string): Reading {
    return new Reading(`${this.field}[${key.slice(0, QUOTE_LENGTH_MAX)}]`, this.#violations);
  }

  refuse(message: string): typeof INVALID {
    if (this.#violations.length < VIOLATIONS_MAX) {
      this.#violations.push({ field: this.field, message });
    }
    return INVALID;
  }

  missing(): typeof INVALID {
    return this.refuse('Required value');
  }

  wrongType(wanted: string, value: unknown): typeof INVALID {
    const found = `"${typeNameOf(value)}"`;
    return this.refuse(
      `Invalid value: ${found}: ${this.field} in body must be of type ${wanted}: ${found}`,
    );
  }

  /** A limit of the schema does not hold; `limit` reads on from "in body". */
  outside(value: string | number, limit: string): typeof INVALID {
    return this.refuse(`Invalid value: ${this.quote(value)}: ${this.field} in body ${limit}`);
  }

  quote(value: string | number): string {
    return JSON.stringify(typeof value === 'string' ? value.slice(0, QUOTE_LENGTH_MAX) : value);
  }

  /** The value, if all rules hold of it. */
  obey<T>(rules: readonly Rule<T>[] | undefined, value: T): T | typeof INVALID {
    const broken = (rules ?? []).filter(({ holds }) => !holds(value));
    for (const { message } of broken) this.refuse(`Invalid value: ${this.#shown(value)}${message}`);
    return broken.length === 0 ? value : INVALID;
  }

  /** An object's own fields; null means absent, as in Kubernetes. */
  fieldsOf(value: unknown): readonly (readonly [string, unknown])[] | typeof INVALID {
    if (!isRecord(value)) return this.wrongType('object', value);
    return Object.entries(value).filter(([, field]) => field !== null && field !== undefined);
  }

  hasDistinctKeys(items: readonly unknown[], keyField: string): boolean {
    const seen = new Set<unknown>();
    let isDistinct = true;
    for (const [index, item] of items.entries()) {
      const key = isRecord(item) ? item[keyField] : undefined;
      if (seen.has(key)) {
        this.item(index).refuse(`Duplicate value: ${JSON.stringify({ [keyField]: key })}`);
        isDistinct = false;
      }
      seen.add(key);
    }
    return isDistinct;
  }

  #shown(value: unknown): string {
    return typeof value === 'string' || typeof value === 'number' ? `${this.quote(value)}: ` : '';
  }
}

function typeNameOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'number' && Number.isInteger(value) ? 'integer' : typeof value;
}
