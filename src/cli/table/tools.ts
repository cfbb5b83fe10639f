// Commands about `isthmus` itself.
import { defineCommand, type Command } from '../command.ts';
import { isthmusdFlags, outputFlags } from '../common-flags.ts';

export const TOOLS: readonly Command[] = [
  defineCommand({
    name: 'version',
    group: 'Other',
    summary: 'of this program, the control plane, and Envoy',
    flags: {
      client: { type: 'boolean', summary: 'of this program only' },
      ...outputFlags,
      ...isthmusdFlags,
    },
    examples: [{ says: 'all of them', command: 'isthmus version' }],
    run: async (call) => (await import('../commands/version.ts')).runVersion(call),
  }),
  defineCommand({
    name: 'completion',
    group: 'Other',
    summary: 'what a shell needs to complete these commands',
    operands: [{ name: 'SHELL', values: ['bash', 'zsh', 'fish'] }],
    flags: {},
    examples: [
      { says: 'in this bash', command: 'source <(isthmus completion bash)' },
      {
        says: 'in every bash from now on',
        command: 'isthmus completion bash > ~/.local/share/bash-completion/completions/isthmus',
      },
      { says: 'in this zsh', command: 'source <(isthmus completion zsh)' },
      {
        says: 'in every fish from now on',
        command: 'isthmus completion fish > ~/.config/fish/completions/isthmus.fish',
      },
    ],
    run: async ({ operands, print }) => {
      const { renderCompletion } = await import('../completion/completion.ts');
      const { COMMANDS } = await import('../commands.ts');
      print(renderCompletion(operands[0] ?? '', COMMANDS));
      return 0;
    },
  }),
  {
    name: 'help',
    group: 'Other',
    summary: 'this list, or what one command can do',
    operands: [{ name: 'COMMAND', isOptional: true, isMany: true }],
    flags: {},
    examples: [{ says: 'about one command', command: 'isthmus help agent leave' }],
    run: async ({ argv, print }) => {
      const { renderCommandHelp, renderHelp } = await import('../help.ts');
      const { selectCommand } = await import('../command.ts');
      const { COMMANDS } = await import('../commands.ts');
      const page = argv.length === 0 ? renderHelp(COMMANDS) : renderCommandHelp(COMMANDS, argv);
      if (page === undefined) selectCommand(COMMANDS, argv); // says what there is instead
      print(page ?? '');
      return 0;
    },
  },
];
