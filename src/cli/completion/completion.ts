// `isthmus completion`: a shell's completion script, made of the commands' own data.
import type { Command } from '../command.ts';
import { renderBash } from './bash.ts';
import { completionData, type CompletionData } from './data.ts';
import { renderFish } from './fish.ts';
import { renderZsh } from './zsh.ts';

const SHELLS: Readonly<Record<string, (data: CompletionData) => string>> = {
  bash: renderBash,
  zsh: renderZsh,
  fish: renderFish,
};

/** @param shell one of those that the command's data names */
export function renderCompletion(shell: string, commands: readonly Command[]): string {
  const render = SHELLS[shell];
  if (render === undefined) throw new Error(`no completion for ${shell}`);
  return render(completionData(commands));
}
