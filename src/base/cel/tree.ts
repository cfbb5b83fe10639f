// The shape of an expression: what is in it, and how high it is.
import type { Expression } from './parser.ts';

/** Of a macro only the body, in which its variable means something. */
export function childrenOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'literal':
    case 'variable':
      return [];
    case 'index':
      return [expression.of, expression.at];
    case 'binary':
      return [expression.a, expression.b];
    case 'choice':
      return [expression.test, expression.yes, expression.no];
    case 'list':
      return expression.items;
    case 'map':
      return expression.entries.flat();
    case 'call':
      return expression.of ? [expression.of, ...expression.args] : expression.args;
    case 'macro':
      return expression.body;
    default:
      return [expression.of];
  }
}

/** Levels of the tree. Counted without recursion: a tree may be too high for that. */
export function heightOf(expression: Expression): number {
  let level: readonly Expression[] = [expression];
  let height = 0;
  while (level.length > 0) {
    height += 1;
    level = level.flatMap((one) =>
      one.kind === 'macro' ? [one.of, ...childrenOf(one)] : childrenOf(one),
    );
  }
  return height;
}
