/** The `shoal` command: noun verb. Errors are one line on standard error; the exit status tells their kind. */
import { Command, CommanderError } from 'commander';
import { asShoalError, errorTable } from '../proto/error.ts';
import { agentCommands } from './command/agent.ts';
import { devCommands } from './command/dev.ts';
import { eventCommands } from './command/event.ts';
import { hostCommands } from './command/host.ts';
import { identityCommands } from './command/identity.ts';
import { imageCommands } from './command/image.ts';
import { layoutCommands } from './command/layout.ts';
import { objectCommands } from './command/object.ts';
import { repairCommands } from './command/repair.ts';
import { serverCommands } from './command/server.ts';

const program = new Command('shoal')
  .description('The cloud that needs no control plane')
  .option('--cloud <name>', 'entry of clouds.yaml (default: OS_CLOUD, else "shoal")')
  .option('--output <format>', 'table or json', 'table')
  // What stands behind a verb is the verb's own.
  .enablePositionalOptions()
  .configureHelp({ showGlobalOptions: true })
  .exitOverride();

for (const add of [
  agentCommands,
  hostCommands,
  layoutCommands,
  repairCommands,
  eventCommands,
  objectCommands,
  imageCommands,
  serverCommands,
  identityCommands,
  devCommands,
])
  add(program);

try {
  await program.parseAsync();
} catch (thrown) {
  // Commander has printed its own refusals and help already.
  if (thrown instanceof CommanderError)
    process.exitCode = thrown.exitCode === 0 ? 0 : errorTable.BAD_REQUEST.exit;
  else {
    const error = asShoalError(thrown);
    const cause = error.code === 'INTERNAL' && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    process.stderr.write(`shoal: ${error.message}${cause}\n`);
    if (process.env.SHOAL_DEBUG)
      process.stderr.write(`${error.stack}\n${error.cause instanceof Error ? error.cause.stack : ''}\n`);
    process.exitCode = errorTable[error.code].exit;
  }
}
