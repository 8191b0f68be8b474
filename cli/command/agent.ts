/** shoal init, shoal join, shoal agent: they hand over to the agent program, which owns the data directory. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { installedData } from '../clouds.ts';

export const agentMain = fileURLToPath(new URL('../../agent/main.ts', import.meta.url));
/**
 * An idle agent in little memory, at no cost in speed that shows: a young generation of 16 MiB keeps up to 48 MiB until
 * the heap has been quiet for long; the middle compiler's own memory is 7 MB for 4 % of CPU. Not used: --optimize-for-size,
 * 8 MB for 65 % more CPU.
 *
 * Left to itself V8 lets a heap of 53 MB grow by a sixth, and begins to mark it anew when two young generations are left of that:
 * at once, so an agent under load marks all the time. With half as much again it takes a third less CPU for large uploads.
 */
export const agentFlags = [
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=4',
  '--no-maglev',
  '--heap-growing-percent=50',
  // For `base/young-garbage.ts`.
  '--expose-gc',
  `--import=${new URL('../erased.js', import.meta.url)}`,
];
/**
 * glibc gives each thread that allocates an arena of its own and fills none: 10 MB, for threads that mostly wait. And
 * `erased.js` says why not the compile cache.
 */
export const agentEnv = (): NodeJS.ProcessEnv => ({
  ...{ MALLOC_ARENA_MAX: '1', ...process.env },
  NODE_DISABLE_COMPILE_CACHE: '1',
});

/** Runs the agent program in the foreground with this terminal; its exit status becomes ours. */
const runAgent = (args: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...agentFlags, agentMain, ...args], {
      env: agentEnv(),
      stdio: 'inherit',
    });
    const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
    process.on('SIGTERM', pass);
    // Ctrl-C reaches the child by itself (same terminal); this process only has to stay until it has stopped.
    process.on('SIGINT', () => {});
    child.on('error', reject);
    child.on('exit', (code) => {
      process.exitCode = code ?? 1;
      resolve();
    });
  });

const hostOptions = (command: Command): Command =>
  command
    .option('--data <dir>', 'data directory', installedData)
    .option('--host-name <name>', "this host's name (default: the machine's)")
    .option('--zone <zone>', 'failure zone, parts from wide to narrow: `dc1/rack2`')
    .option('--address <ip>', 'address that other hosts reach this one at')
    .option('--port <port>', 'first of the ports: api, +1 s3, +2 peer, +3 bulk, +4 discovery')
    .option('--capacity <bytes>', 'bytes that it may store (default: 90 % of the disk)')
    .option(
      '--chunks <dir>',
      'where chunks are kept; again for each disk (default: in the data directory)',
      (dir: string, before: readonly string[] = []) => [...before, dir],
    )
    .option('--output <format>', 'table or json');

const passOn = (options: Readonly<Record<string, unknown>>): string[] =>
  Object.entries(options).flatMap(([name, value]) =>
    [value]
      .flat()
      .flatMap((one) => [`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, String(one)]),
  );

export const agentCommands = (program: Command): void => {
  hostOptions(program.command('init').description('make a new cluster with this host as its first'))
    .option('--cluster <name>', 'name of the cluster', 'shoal')
    .action(async (options) => runAgent(['init', ...passOn(options)]));

  hostOptions(
    program
      .command('join <token>')
      .description('make this host one of a cluster: the token is from `shoal invite`'),
  ).action(async (token: string, options) => runAgent(['join', token, ...passOn(options)]));

  program
    .command('agent')
    .description('run the agent in the foreground')
    .option('--data <dir>', 'data directory', installedData)
    .action(async (options) => runAgent(['run', ...passOn(options)]));
};
