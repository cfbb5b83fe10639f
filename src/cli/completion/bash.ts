// Completion for bash 3.2 and newer, without the bash-completion package.
import { assertNever } from '#base/assert-never.ts';
import { quoted, valueHints, type CompletionData, type ValueHint } from './data.ts';

export function renderBash(data: CompletionData): string {
  const commands = [...data.flags.keys()].map(quoted).join('|');
  const values = valueHints(data).map(
    ({ at, value }) => `    ${at.map(quoted).join('|')}) ${completeValue(value)}; return ;;`,
  );
  const flags = [...data.flags].map(([command, hints]) => {
    const words = hints.flatMap(({ spellings }) => spellings).join(' ');
    return `      ${quoted(command)}) words=${quoted(words)} ;;`;
  });
  const next = [...data.next].map(([typed, candidates]) => {
    const words = candidates.map(({ word }) => word).join(' ');
    return `      ${quoted(typed)}) words=${quoted(words)} ;;`;
  });
  return `# bash completion for isthmus, made by: isthmus completion bash
_isthmus() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local typed= command= words= i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ \${COMP_WORDS[i]} == -* ]] && break
    typed="\${typed:+$typed }\${COMP_WORDS[i]}"
    case $typed in
      ${commands}) command=$typed ;;
    esac
  done
  case "$command $prev" in
${values.join('\n')}
  esac
  if [[ $cur == -* ]]; then
    case $command in
${flags.join('\n')}
    esac
  else
    case $typed in
${next.join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o filenames -F _isthmus isthmus`;
}

function completeValue(value: ValueHint): string {
  switch (value.kind) {
    case 'words':
      return `COMPREPLY=($(compgen -W ${quoted(value.words.join(' '))} -- "$cur"))`;
    case 'file':
      return 'COMPREPLY=($(compgen -f -- "$cur"))';
    case 'folder':
      return 'COMPREPLY=($(compgen -d -- "$cur"))';
    case 'any':
      return ':';
    default:
      return assertNever(value);
  }
}
