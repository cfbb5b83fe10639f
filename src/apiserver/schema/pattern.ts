// Regular expressions in Go's syntax (RE2), as schemas carry them, for JavaScript's engine.

/**
 * The two syntaxes agree on what schemas use. Handled beyond that: leading flags `(?i)` (also
 * after `^`), named groups `(?P<n>…)`, `\z`, and escapes that only JavaScript's strict mode refuses.
 *
 * @throws SyntaxError when JavaScript cannot read it
 */
export function compilePattern(text: string): RegExp {
  const match = /^(\^?)\(\?([ims]+)\)/.exec(text);
  const [prefix = '', start = '', flags = ''] = match ?? [];
  const source = (start + text.slice(prefix.length))
    .replaceAll('(?P<', '(?<')
    .replaceAll('\\z', '$');
  try {
    return new RegExp(source, `${flags}u`);
  } catch {
    return new RegExp(source, flags);
  }
}
