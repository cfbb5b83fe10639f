// Completion for zsh, with what each word is beside it.
import { assertNever } from '#base/assert-never.ts';
import {
  quoted,
  valueHints,
  type Candidate,
  type CompletionData,
  type FlagHint,
  type ValueHint,
} from './data.ts';

export function renderZsh(data: CompletionData): string {
  const commands = [...data.flags.keys()].map(quoted).join('|');
  const values = valueHints(data).map(
    ({ at, value }) => `    (${at.map(quoted).join('|')}) ${completeValue(value)}; return ;;`,
  );
  const flags = [...data.flags].map(
    ([command, hints]) =>
      `      (${quoted(command)}) candidates=(${describe(hints.flatMap(flagCandidates))}) ;;`,
  );
  const next = [...data.next].map(
    ([typed, candidates]) => `      (${quoted(typed)}) candidates=(${describe(candidates)}) ;;`,
  );
  return `#compdef isthmus
# zsh completion for isthmus, made by: isthmus completion zsh
_isthmus() {
  local typed= command= word
  local -a candidates
  for word in "\${(@)words[2,CURRENT-1]}"; do
    [[ $word == -* ]] && break
    typed="\${typed:+$typed }$word"
    case $typed in
      (${commands}) command=$typed ;;
    esac
  done
  case "$command $words[CURRENT-1]" in
${values.join('\n')}
  esac
  if [[ $words[CURRENT] == -* ]]; then
    case $command in
${flags.join('\n')}
    esac
  else
    case $typed in
${next.join('\n')}
    esac
  fi
  _describe isthmus candidates
}
if [[ $funcstack[1] == _isthmus ]]; then _isthmus; else compdef _isthmus isthmus; fi`;
}

const flagCandidates = ({ spellings, says }: FlagHint): readonly Candidate[] =>
  spellings.map((word) => ({ word, says }));

/** `_describe` takes \`word:description\`; a colon in the word would end it. */
function describe(candidates: readonly Candidate[]): string {
  return candidates
    .map(({ word, says }) => quoted(says === '' ? word : `${word.replaceAll(':', '\\:')}:${says}`))
    .join(' ');
}

function completeValue(value: ValueHint): string {
  switch (value.kind) {
    case 'words':
      return `compadd -- ${value.words.map(quoted).join(' ')}`;
    case 'file':
      return '_files';
    case 'folder':
      return '_files -/';
    case 'any':
      return ':';
    default:
      return assertNever(value);
  }
}
