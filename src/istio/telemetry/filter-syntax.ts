// Is a text possibly an expression of CEL? What surely is none is refused when it is written; all
// else is Envoy's to judge, which knows more of the language than is needed here.
// https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax

/** In either quotes, single or triple, raw or of bytes. */
const STRING = /[rRbB]{0,2}(?:"""[^]*?"""|'''[^]*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')/g;
const OPERATOR = /&&|\|\||[=!<>]=|[-+*/%<>!?:]/g;
const CLOSES: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
/** A longer one is no filter that anybody wrote. */
const LENGTH_MAX = 4096;

export function isExpression(text: string): boolean {
  if (text.length > LENGTH_MAX) return false;
  const bare = text.replaceAll(STRING, ' _s_ ').replaceAll(/\/\/.*$/gm, '');
  if (bare.trim() === '' || /["'`=&|;@#$\\]/.test(bare.replaceAll(OPERATOR, ' '))) return false;
  return isBalanced(bare) && !hasLonelyOperator(bare) && !hasNeighbours(bare);
}

function isBalanced(text: string): boolean {
  const open: string[] = [];
  for (const character of text) {
    if ('([{'.includes(character)) open.push(character);
    else if (character in CLOSES && open.pop() !== CLOSES[character]) return false;
  }
  return open.length === 0;
}

/** Nothing to its right, or nothing to its left where it needs something. */
function hasLonelyOperator(text: string): boolean {
  const right = /(?:&&|\|\||[=!<>]=|[-+*/%<>!?:]|\bin)\s*(?:$|[)\]},])/;
  const left = /(?:^|[([{,])\s*(?:&&|\|\||[=!<>]=|[+*/%<>?:]|\bin\b)/;
  return right.test(text) || left.test(text);
}

/** Two values side by side. */
function hasNeighbours(text: string): boolean {
  return /[\w)\]}]\s+[\w({]/.test(text.replaceAll(/\bin\b/g, '&&'));
}
