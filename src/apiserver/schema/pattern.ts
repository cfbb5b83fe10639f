// Regular expressions in Go's syntax (RE2), as schemas carry them, for JavaScript's engine.

/**
 * The two syntaxes agree on what schemas use. Handled beyond that: leading flags `(?i)`, named
 * groups `(?P<n>…)`, `\z`, and escapes that only JavaScript's strict mode refuses.
 *
 * @throws SyntaxError when JavaScript cannot read it
 */
export function compilePattern(text: string): RegExp {
  const match = /^\(\?([ims]+)\)/.exec(text);
  const flags = match?.[1] ?? '';
  const source = text
    .slice(match?.[0].length ?? 0)
    .replaceAll('(?P<', '(?<')
    .replaceAll('\\z', '$');
  try {
    return new RegExp(source, `${flags}u`);
  } catch {
    return new RegExp(source, flags);
  }
}
