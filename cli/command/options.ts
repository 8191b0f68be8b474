/** The options that every noun takes, and what they lead to. They may stand before or after the noun. */
import type { Command } from 'commander';
import { ShoalError } from '../../proto/error.ts';
import { type Client, connect } from '../client.ts';
import type { Format } from '../output.ts';

export interface Settings {
  readonly format: Format;
  client(): Promise<Client>;
}

/** A leaf command that talks to a cloud. */
export const online = (command: Command): Command =>
  command
    .option('--data <dir>', 'use DIR/clouds.yaml, as `shoal init` and `shoal dev up` write it')
    .option('--cloud <name>', 'entry of clouds.yaml')
    .option('--output <format>', 'table or json');

export const settingsOf = (command: Command): Settings => {
  // The root's default for --output must not hide what was typed behind the verb.
  const options = { ...command.parent?.optsWithGlobals(), ...command.opts() } as {
    output?: string;
    data?: string;
    cloud?: string;
  };
  const output = options.output ?? 'table';
  if (output !== 'table' && output !== 'json')
    throw new ShoalError('BAD_REQUEST', `Cannot print as "${output}": --output takes table or json`);
  return {
    format: output,
    client: () =>
      connect({
        ...(options.cloud !== undefined && { cloud: options.cloud }),
        ...(options.data !== undefined && { data: options.data }),
      }),
  };
};
